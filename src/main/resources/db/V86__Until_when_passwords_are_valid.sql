-- A password may be right and its role be let in no more: known before it happens, not after.
ALTER TABLE managed_role
    -- VALID UNTIL of the role when its password was last changed; NULL for none, and before this build has changed it
    ADD COLUMN valid_until          timestamptz,
    -- for which of these it was told, a day before, that it is near
    ADD COLUMN valid_until_told_for timestamptz;

CREATE INDEX managed_role_valid_until ON managed_role (valid_until) WHERE valid_until IS NOT NULL AND deleted_at IS NULL;

-- What a role that was given up belonged to, whose row is gone: for who reads its passwords in their 30 days. NULL until then, and of
-- those that builds before this one have given up.
ALTER TABLE managed_role
    -- as the rotation or connection was called
    ADD COLUMN owner_name       text,
    -- NULL too for a connection of the organisation; no reference, as the project may go
    ADD COLUMN owner_project_id uuid;

CREATE INDEX password_version_rejected ON password_version (rejected_at) WHERE state = 'REJECTED';

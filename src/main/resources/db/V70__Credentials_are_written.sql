-- The second step of V37: a credential knows all that a change of its passwords needs, and this build writes what comes of one here.
-- Triggers copy both ways for as long as the build before writes secret_rotation and managed_connection: what either writes, the other
-- sees in the same transaction. A copy is never copied back (pg_trigger_depth). Whoever writes a credential holds the row of the old
-- table first (hold_credential), since the build before locks in that order too. The old columns go one release later: see decision 3.

-- What is done when a probe finds another password than ours; whether a foreign marker may be replaced; whether superusers may be changed.
ALTER TABLE credential ADD COLUMN drift_policy text;
ALTER TABLE credential ADD COLUMN takeover boolean;
ALTER TABLE credential ADD COLUMN allow_privileged boolean;
-- JSON as the caller sent it; NULL for the default
ALTER TABLE credential ADD COLUMN password_requirements text;
-- which roles still wait for a password that nobody is given: 1 the first, 2 the second, 3 both
ALTER TABLE credential ADD COLUMN roles_to_revoke integer;
-- credentials_version of the connection when its password was handed out; nothing is managed from then on
ALTER TABLE credential ADD COLUMN released_version bigint;
-- what responses show as the id of a managed connection's rotation, another one each time that management begins; NULL for a rotation
ALTER TABLE credential ADD COLUMN shown_id uuid;
-- What it is called, for audit and refusals; the place is a rotation's. Copied from secret_rotation and app_connection.
ALTER TABLE credential ADD COLUMN name text;
ALTER TABLE credential ADD COLUMN environment text;
ALTER TABLE credential ADD COLUMN secret_path text;
-- That of the old table's row, over the same values.
ALTER TABLE credential ADD COLUMN row_seal bytea;

-- To be called before a credential is written, in the same transaction.
CREATE FUNCTION hold_credential(wanted uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM secret_rotation WHERE id = wanted FOR NO KEY UPDATE;
    PERFORM FROM managed_connection WHERE connection_id = wanted FOR NO KEY UPDATE;
    PERFORM FROM credential WHERE id = wanted FOR NO KEY UPDATE;
    RETURN FOUND;
END $$;

-- ---- What is written in the old tables, by the build before or with a rotation's names ----

CREATE OR REPLACE FUNCTION credential_of_rotation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM credential WHERE id = OLD.id;
        RETURN NULL;
    END IF;
    IF pg_trigger_depth() > 1 THEN
        RETURN NULL; -- a copy
    END IF;
    INSERT INTO credential (id, strategy, project_id, connection_id, role1_id, role2_id, active_index, credential_version,
            auto_rotation, interval_days, rotate_at_minute, planned_at, next_rotation_at, due_at, last_rotated_at,
            last_rotation_manual, last_attempted_at, last_status, last_message, failures, overdue_told_for, expiry_told_for,
            revoking_since, created_at, updated_at, drift_policy, takeover, allow_privileged, password_requirements,
            roles_to_revoke, name, environment, secret_path, row_seal)
    VALUES (NEW.id, NEW.strategy, NEW.project_id, NEW.connection_id, NEW.role1_id, NEW.role2_id, NEW.active_index,
            NEW.credential_version, NEW.auto_rotation, NEW.interval_days, NEW.rotate_at_minute, NEW.planned_at,
            NEW.next_rotation_at, NEW.due_at, NEW.last_rotated_at, NEW.last_rotation_manual, NEW.last_attempted_at,
            NEW.last_status, NEW.last_message, NEW.failures, NEW.overdue_told_for, NEW.expiry_told_for, NEW.revoking_since,
            NEW.created_at, NEW.updated_at, NEW.drift_policy, NEW.takeover, NEW.allow_privileged, NEW.password_requirements,
            NEW.roles_to_revoke, NEW.name, NEW.environment, NEW.secret_path, NEW.row_seal)
    ON CONFLICT (id) DO UPDATE
       SET (active_index, credential_version, auto_rotation, interval_days, rotate_at_minute, planned_at, next_rotation_at,
            due_at, last_rotated_at, last_rotation_manual, last_attempted_at, last_status, last_message, failures,
            overdue_told_for, expiry_told_for, revoking_since, updated_at, drift_policy, takeover, allow_privileged,
            password_requirements, roles_to_revoke, name, environment, secret_path, row_seal)
         = (excluded.active_index, excluded.credential_version, excluded.auto_rotation, excluded.interval_days,
            excluded.rotate_at_minute, excluded.planned_at, excluded.next_rotation_at, excluded.due_at,
            excluded.last_rotated_at, excluded.last_rotation_manual, excluded.last_attempted_at, excluded.last_status,
            excluded.last_message, excluded.failures, excluded.overdue_told_for, excluded.expiry_told_for,
            excluded.revoking_since, excluded.updated_at, excluded.drift_policy, excluded.takeover,
            excluded.allow_privileged, excluded.password_requirements, excluded.roles_to_revoke, excluded.name,
            excluded.environment, excluded.secret_path, excluded.row_seal);
    RETURN NULL;
END $$;

-- One that was released keeps its row, so that a release whose reply got lost can be repeated.
CREATE OR REPLACE FUNCTION credential_of_connection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM credential WHERE id = OLD.connection_id;
        RETURN NULL;
    END IF;
    IF pg_trigger_depth() > 1 THEN
        RETURN NULL; -- a copy
    END IF;
    INSERT INTO credential (id, strategy, project_id, connection_id, role1_id, role2_id, active_index, credential_version,
            auto_rotation, interval_days, rotate_at_minute, planned_at, next_rotation_at, due_at, last_rotated_at,
            last_rotation_manual, last_attempted_at, last_status, last_message, failures, overdue_told_for, expiry_told_for,
            revoking_since, created_at, updated_at, drift_policy, takeover, allow_privileged, password_requirements,
            roles_to_revoke, released_version, shown_id, name, row_seal)
    SELECT NEW.connection_id, 'SELF', a.project_id, NEW.connection_id, NEW.role_id, NULL, 0, NULL, NEW.auto_rotation,
           NEW.interval_days, NEW.rotate_at_minute, NEW.planned_at, NEW.next_rotation_at, NEW.due_at, NEW.last_rotated_at,
           NEW.last_rotation_manual, NEW.last_attempted_at, NEW.last_status, NEW.last_message, NEW.failures,
           NEW.overdue_told_for, NEW.expiry_told_for, NULL, NEW.created_at, NEW.updated_at, 'REPORT', false, true, NULL, 0,
           NEW.released_version, NEW.id, a.name, NEW.row_seal
      FROM app_connection a WHERE a.id = NEW.connection_id
    ON CONFLICT (id) DO UPDATE
       SET (role1_id, auto_rotation, interval_days, rotate_at_minute, planned_at, next_rotation_at, due_at, last_rotated_at,
            last_rotation_manual, last_attempted_at, last_status, last_message, failures, overdue_told_for, expiry_told_for,
            created_at, updated_at, drift_policy, takeover, allow_privileged, roles_to_revoke, released_version, shown_id,
            name, row_seal)
         = (excluded.role1_id, excluded.auto_rotation, excluded.interval_days, excluded.rotate_at_minute,
            excluded.planned_at, excluded.next_rotation_at, excluded.due_at, excluded.last_rotated_at,
            excluded.last_rotation_manual, excluded.last_attempted_at, excluded.last_status, excluded.last_message,
            excluded.failures, excluded.overdue_told_for, excluded.expiry_told_for, excluded.created_at,
            excluded.updated_at, excluded.drift_policy, excluded.takeover, excluded.allow_privileged,
            excluded.roles_to_revoke, excluded.released_version, excluded.shown_id, excluded.name, excluded.row_seal);
    RETURN NULL;
END $$;

CREATE FUNCTION credential_of_renamed_connection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE credential SET name = NEW.name WHERE id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER credential_of_renamed_connection AFTER UPDATE ON app_connection
    FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION credential_of_renamed_connection();

-- ---- What is written here, for the build before ----

CREATE FUNCTION rotation_or_connection_of_credential() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() > 1 THEN
        RETURN NULL; -- a copy
    END IF;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM managed_connection WHERE connection_id = OLD.id;
        RETURN NULL;
    END IF;
    IF NEW.strategy <> 'SELF' THEN
        UPDATE secret_rotation
           SET (active_index, credential_version, auto_rotation, interval_days, rotate_at_minute, planned_at,
                next_rotation_at, due_at, last_rotated_at, last_rotation_manual, last_attempted_at, last_status,
                last_message, failures, overdue_told_for, expiry_told_for, revoking_since, updated_at, drift_policy, takeover,
                allow_privileged, password_requirements, roles_to_revoke, row_seal)
             = (NEW.active_index, NEW.credential_version, NEW.auto_rotation, NEW.interval_days, NEW.rotate_at_minute,
                NEW.planned_at, NEW.next_rotation_at, NEW.due_at, NEW.last_rotated_at, NEW.last_rotation_manual,
                NEW.last_attempted_at, NEW.last_status, NEW.last_message, NEW.failures, NEW.overdue_told_for,
                NEW.expiry_told_for, NEW.revoking_since, NEW.updated_at, NEW.drift_policy, NEW.takeover,
                NEW.allow_privileged, NEW.password_requirements, NEW.roles_to_revoke, NEW.row_seal)
         WHERE id = NEW.id;
        RETURN NULL;
    END IF;
    -- First as what it mostly is: what reckons for the build before takes an INSERT for a success.
    UPDATE managed_connection
       SET (id, role_id, auto_rotation, interval_days, rotate_at_minute, planned_at, next_rotation_at, due_at,
            last_rotated_at, last_rotation_manual, last_attempted_at, last_status, last_message, failures, overdue_told_for,
            expiry_told_for, released_version, created_at, updated_at, row_seal)
         = (NEW.shown_id, NEW.role1_id, NEW.auto_rotation, NEW.interval_days, NEW.rotate_at_minute, NEW.planned_at,
            NEW.next_rotation_at, NEW.due_at, NEW.last_rotated_at, NEW.last_rotation_manual, NEW.last_attempted_at,
            NEW.last_status, NEW.last_message, NEW.failures, NEW.overdue_told_for, NEW.expiry_told_for,
            NEW.released_version, NEW.created_at, NEW.updated_at, NEW.row_seal)
     WHERE connection_id = NEW.id;
    IF NOT FOUND THEN
        INSERT INTO managed_connection (connection_id, id, role_id, auto_rotation, interval_days, rotate_at_minute,
                planned_at, next_rotation_at, due_at, last_rotation_manual, failures, created_at, updated_at, row_seal)
        SELECT NEW.id, NEW.shown_id, NEW.role1_id, NEW.auto_rotation, NEW.interval_days, NEW.rotate_at_minute,
               NEW.planned_at, NEW.next_rotation_at, NEW.due_at, NEW.last_rotation_manual, NEW.failures, NEW.created_at,
               NEW.updated_at, NEW.row_seal
          FROM app_connection a WHERE a.id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER rotation_or_connection_of_credential AFTER INSERT OR UPDATE OR DELETE ON credential
    FOR EACH ROW EXECUTE FUNCTION rotation_or_connection_of_credential();

-- A rotation that is written down after its credential says only what it is called and where it stands.
CREATE FUNCTION rotation_has_its_credential() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    c credential;
BEGIN
    SELECT * INTO c FROM credential WHERE id = NEW.id;
    IF FOUND THEN
        NEW.connection_id := c.connection_id;
        NEW.strategy := c.strategy;
        NEW.drift_policy := c.drift_policy;
        NEW.takeover := c.takeover;
        NEW.allow_privileged := c.allow_privileged;
        NEW.password_requirements := c.password_requirements;
        NEW.role1_id := c.role1_id;
        NEW.role2_id := c.role2_id;
        NEW.auto_rotation := c.auto_rotation;
        NEW.interval_days := c.interval_days;
        NEW.rotate_at_minute := c.rotate_at_minute;
        NEW.active_index := c.active_index;
        NEW.credential_version := c.credential_version;
        NEW.last_rotated_at := c.last_rotated_at;
        NEW.last_rotation_manual := c.last_rotation_manual;
        NEW.last_attempted_at := c.last_attempted_at;
        NEW.last_status := c.last_status;
        NEW.last_message := c.last_message;
        NEW.failures := c.failures;
        NEW.planned_at := c.planned_at;
        NEW.next_rotation_at := c.next_rotation_at;
        NEW.due_at := c.due_at;
        NEW.overdue_told_for := c.overdue_told_for;
        NEW.expiry_told_for := c.expiry_told_for;
        NEW.revoking_since := c.revoking_since;
        NEW.roles_to_revoke := c.roles_to_revoke;
        NEW.created_at := c.created_at;
        NEW.updated_at := c.updated_at;
        NEW.row_seal := c.row_seal;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER rotation_has_its_credential BEFORE INSERT ON secret_rotation
    FOR EACH ROW EXECUTE FUNCTION rotation_has_its_credential();

-- ---- What is served has changed: it is written to Vault, whichever build has changed it ----

CREATE FUNCTION vault_delivery_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE vault_delivery SET due_at = clock_timestamp(), lease = NULL WHERE rotation_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER vault_delivery_is_due AFTER UPDATE ON credential
    FOR EACH ROW WHEN (OLD.credential_version IS DISTINCT FROM NEW.credential_version)
    EXECUTE FUNCTION vault_delivery_is_due();

-- ---- For what is there: the triggers fill it ----

UPDATE managed_connection SET connection_id = connection_id;
UPDATE secret_rotation SET id = id;

-- What a rotation and a managed connection have in common: one or two roles whose passwords are changed on a schedule. Whoever asks
-- what is late, what ends soon or how changes went asks here, and sees both.
--
-- In this release everything is still written to secret_rotation and managed_connection, because the build before writes there while
-- replicas are exchanged; triggers keep this table equal, whichever build writes. The next release writes here, and the columns
-- that then say the same twice are dropped in the one after: see decision 3.
CREATE TABLE credential (
    -- of the rotation or the connection, which is the owner_id of its roles
    id                    uuid PRIMARY KEY,
    -- DUAL: two roles in turn; SINGLE: one, changed through a connection; SELF: one that changes its own password
    strategy              text NOT NULL CHECK (strategy IN ('DUAL', 'SINGLE', 'SELF')),
    -- NULL for a connection of the organisation
    project_id            uuid,
    connection_id         uuid NOT NULL,
    role1_id              uuid NOT NULL,
    role2_id              uuid,
    -- which of the two roles is served
    active_index          integer NOT NULL,
    -- grows by one at each change; NULL for SELF, where the version of its role says so
    credential_version    bigint,
    -- The plan. What its columns mean is said where secret_rotation is made.
    auto_rotation         boolean NOT NULL,
    interval_days         integer,
    rotate_at_minute      integer,
    planned_at            timestamptz,
    next_rotation_at      timestamptz,
    due_at                timestamptz,
    last_rotated_at       timestamptz,
    last_rotation_manual  boolean NOT NULL,
    last_attempted_at     timestamptz,
    last_status           text,
    last_message          text,
    failures              integer NOT NULL,
    overdue_told_for      timestamptz,
    expiry_told_for       timestamptz,
    revoking_since        timestamptz,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL
);

CREATE INDEX credential_schedule ON credential (next_rotation_at) WHERE next_rotation_at IS NOT NULL;
CREATE INDEX credential_overdue_untold ON credential (next_rotation_at)
    WHERE revoking_since IS NULL AND overdue_told_for IS DISTINCT FROM next_rotation_at;
CREATE INDEX credential_expiry_untold ON credential (next_rotation_at)
    WHERE revoking_since IS NULL AND expiry_told_for IS DISTINCT FROM next_rotation_at;
CREATE INDEX credential_connection ON credential (connection_id);

-- ---- The plan of a managed connection, by the names that the plan of a rotation has ----

ALTER TABLE managed_connection ADD COLUMN rotate_at_minute integer;
ALTER TABLE managed_connection ADD COLUMN planned_at timestamptz;
ALTER TABLE managed_connection ADD COLUMN due_at timestamptz;
ALTER TABLE managed_connection ADD COLUMN last_rotation_manual boolean;
ALTER TABLE managed_connection ADD COLUMN last_status text;
ALTER TABLE managed_connection ADD COLUMN failures integer;
ALTER TABLE managed_connection ADD COLUMN overdue_told_for timestamptz;
ALTER TABLE managed_connection ADD COLUMN expiry_told_for timestamptz;

-- Three things have another name or form in the build before: whoever writes one of the two has the other follow.
CREATE FUNCTION managed_connection_for_both_builds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Of a row that is inserted OLD is NULL.
    IF NEW.last_rotation_manual IS DISTINCT FROM OLD.last_rotation_manual THEN
        NEW.last_manual := coalesce(NEW.last_rotation_manual, true);
    ELSE
        NEW.last_rotation_manual := NEW.last_manual;
    END IF;
    IF NEW.last_status IS DISTINCT FROM OLD.last_status THEN
        NEW.status := lower(NEW.last_status);
    ELSE
        NEW.last_status := upper(NEW.status);
    END IF;
    IF NEW.rotate_at_minute IS DISTINCT FROM OLD.rotate_at_minute THEN
        NEW.rotate_at_hours := NEW.rotate_at_minute / 60;
        NEW.rotate_at_minutes := NEW.rotate_at_minute % 60;
    ELSE
        NEW.rotate_at_minute := NEW.rotate_at_hours * 60 + NEW.rotate_at_minutes;
    END IF;
    -- What the build before does not know at all. A success of its own ends the failures before it.
    IF NEW.failures IS NULL OR NEW.last_rotated_at IS DISTINCT FROM OLD.last_rotated_at THEN
        NEW.failures := 0;
    END IF;
    IF NEW.due_at IS NULL
       OR NEW.next_rotation_at IS DISTINCT FROM OLD.next_rotation_at AND NEW.due_at IS NOT DISTINCT FROM OLD.due_at THEN
        NEW.due_at := NEW.next_rotation_at;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER managed_connection_for_both_builds BEFORE INSERT OR UPDATE ON managed_connection
    FOR EACH ROW EXECUTE FUNCTION managed_connection_for_both_builds();

-- ---- Every rotation and every managed connection has its credential ----

CREATE FUNCTION credential_of_rotation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM credential WHERE id = OLD.id;
        RETURN NULL;
    END IF;
    INSERT INTO credential
    VALUES (NEW.id, NEW.strategy, NEW.project_id, NEW.connection_id, NEW.role1_id, NEW.role2_id, NEW.active_index,
            NEW.credential_version, NEW.auto_rotation, NEW.interval_days, NEW.rotate_at_minute, NEW.planned_at,
            NEW.next_rotation_at, NEW.due_at, NEW.last_rotated_at, NEW.last_rotation_manual, NEW.last_attempted_at,
            NEW.last_status, NEW.last_message, NEW.failures, NEW.overdue_told_for, NEW.expiry_told_for, NEW.revoking_since,
            NEW.created_at, NEW.updated_at)
    ON CONFLICT (id) DO UPDATE
       SET (active_index, credential_version, auto_rotation, interval_days, rotate_at_minute, planned_at, next_rotation_at,
            due_at, last_rotated_at, last_rotation_manual, last_attempted_at, last_status, last_message, failures,
            overdue_told_for, expiry_told_for, revoking_since, updated_at)
         = (excluded.active_index, excluded.credential_version, excluded.auto_rotation, excluded.interval_days,
            excluded.rotate_at_minute, excluded.planned_at, excluded.next_rotation_at, excluded.due_at,
            excluded.last_rotated_at, excluded.last_rotation_manual, excluded.last_attempted_at, excluded.last_status,
            excluded.last_message, excluded.failures, excluded.overdue_told_for, excluded.expiry_told_for,
            excluded.revoking_since, excluded.updated_at);
    RETURN NULL;
END $$;

CREATE TRIGGER credential_of_rotation AFTER INSERT OR UPDATE OR DELETE ON secret_rotation
    FOR EACH ROW EXECUTE FUNCTION credential_of_rotation();

-- One that was released is an ordinary connection, although its row stays for a while.
CREATE FUNCTION credential_of_connection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM credential WHERE id = OLD.connection_id;
        RETURN NULL;
    END IF;
    IF NEW.released_version IS NOT NULL THEN
        DELETE FROM credential WHERE id = NEW.connection_id;
        RETURN NULL;
    END IF;
    INSERT INTO credential
    SELECT NEW.connection_id, 'SELF', a.project_id, NEW.connection_id, NEW.role_id, NULL, 0, NULL, NEW.auto_rotation,
           NEW.interval_days, NEW.rotate_at_minute, NEW.planned_at, NEW.next_rotation_at, NEW.due_at, NEW.last_rotated_at,
           NEW.last_rotation_manual, NEW.last_attempted_at, NEW.last_status, NEW.last_message, NEW.failures,
           NEW.overdue_told_for, NEW.expiry_told_for, NULL, NEW.created_at, NEW.updated_at
      FROM app_connection a WHERE a.id = NEW.connection_id
    ON CONFLICT (id) DO UPDATE
       SET (role1_id, auto_rotation, interval_days, rotate_at_minute, planned_at, next_rotation_at, due_at, last_rotated_at,
            last_rotation_manual, last_attempted_at, last_status, last_message, failures, overdue_told_for, expiry_told_for,
            created_at, updated_at)
         = (excluded.role1_id, excluded.auto_rotation, excluded.interval_days, excluded.rotate_at_minute,
            excluded.planned_at, excluded.next_rotation_at, excluded.due_at, excluded.last_rotated_at,
            excluded.last_rotation_manual, excluded.last_attempted_at, excluded.last_status, excluded.last_message,
            excluded.failures, excluded.overdue_told_for, excluded.expiry_told_for, excluded.created_at,
            excluded.updated_at);
    RETURN NULL;
END $$;

CREATE TRIGGER credential_of_connection AFTER INSERT OR UPDATE OR DELETE ON managed_connection
    FOR EACH ROW EXECUTE FUNCTION credential_of_connection();

-- ---- For what is there: the triggers fill it ----

UPDATE managed_connection SET connection_id = connection_id;
UPDATE secret_rotation SET id = id;

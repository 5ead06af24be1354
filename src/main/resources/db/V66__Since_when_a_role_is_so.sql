-- "Refused since 08:41": since when a role is in the state that it is in, for that reason. By a trigger, because the build before
-- changes the state too and does not know of it.
ALTER TABLE managed_role ADD COLUMN state_since timestamptz;

CREATE FUNCTION managed_role_state_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.state_since := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER managed_role_state_since BEFORE UPDATE OF state, reason ON managed_role
    FOR EACH ROW WHEN (NEW.state <> OLD.state OR NEW.reason IS DISTINCT FROM OLD.reason)
    EXECUTE FUNCTION managed_role_state_since();

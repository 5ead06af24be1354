-- What the running service may do when the schema belongs to another role: all there is with rows, except that audit rows
-- are never changed and that the list of migrations is read only. Run after every migration by that other role.
DO $$
DECLARE
    service text := current_setting('rolewright.service_role');
    owned regclass;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), service);
    FOR owned IN
        SELECT oid FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
          AND pg_has_role(relowner, 'MEMBER')
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', owned, service);
    END LOOP;
    EXECUTE format('REVOKE UPDATE, DELETE ON audit_event FROM %I', service);
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON rolewright_migration FROM %I', service);
END
$$;

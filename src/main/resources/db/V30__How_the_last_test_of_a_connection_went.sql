-- So that a list of connections says which of them work, without a login to each.
ALTER TABLE app_connection
    ADD COLUMN tested_at   timestamptz,
    ADD COLUMN test_ok     boolean,
    -- code of what failed
    ADD COLUMN test_reason text;

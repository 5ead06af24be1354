-- Before a role's password is changed it is asked who else logs in as that role. Where a connection leads and as whom is sealed, so what
-- can be asked for stands beside it as keyed hashes, like managed_role.server: equal things are recognised, and none is named.
ALTER TABLE app_connection
    -- credentials_hash of the credentials that the next three are about; another one means that they are out of date
    ADD COLUMN login_of      text,
    -- the server's system identifier; NULL where it was never seen or may not be read
    ADD COLUMN server        bytea,
    -- the server's system identifier and the role that logs in; NULL as above
    ADD COLUMN login         bytea,
    -- host and port as they were given, and the role that logs in
    ADD COLUMN login_address bytea;

CREATE INDEX app_connection_login ON app_connection (login) WHERE login IS NOT NULL;
CREATE INDEX app_connection_login_address ON app_connection (login_address) WHERE login_address IS NOT NULL;
-- Those of which it is not known, which are opened and looked at.
CREATE INDEX app_connection_login_unknown ON app_connection (id) WHERE login_of IS DISTINCT FROM credentials_hash;
CREATE INDEX managed_role_name ON managed_role (role_name) WHERE deleted_at IS NULL;

-- How many of an attempt's tries were asked for by hand: those count in no wait, so asking never puts off what goes by itself.
ALTER TABLE attempt ADD COLUMN asked integer NOT NULL DEFAULT 0;

-- App Connections: one row for each way to log in to a customer's PostgreSQL server. Host, port, database, role, password and
-- TLS material are sealed together in one value, so that whoever can write this table cannot send a login elsewhere; name,
-- description and project stay readable for lists and for finding a row by name.
CREATE TABLE app_connection (
    id                  uuid PRIMARY KEY,
    -- NULL: the organisation's own, not a project's
    project_id          uuid REFERENCES project (id),
    name                text NOT NULL COLLATE "C",
    description         text,
    -- counts every change of the row; what PATCH checks against lost updates
    version             bigint NOT NULL,
    credentials         bytea NOT NULL,
    -- part of the seal: grows with each new sealed value, so that an old one cannot be put back
    credentials_version bigint NOT NULL,
    -- shown to callers; changes exactly when a caller sends other credentials, never by re-encryption
    credentials_hash    text NOT NULL,
    platform_managed    boolean NOT NULL DEFAULT false,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL
);

-- Names are unique within their project, and among the organisation's own.
CREATE UNIQUE INDEX app_connection_project_name ON app_connection (project_id, name) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX app_connection_organisation_name ON app_connection (name) WHERE project_id IS NULL;
-- The order of lists and of their cursors.
CREATE INDEX app_connection_list ON app_connection (name, id);

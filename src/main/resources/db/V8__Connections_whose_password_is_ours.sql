-- Connections whose password the service has taken over: which managed role that is, when it is changed on schedule, and how the last
-- change went. The connection's own row keeps where it leads; its password stands among the versions of the managed role.
CREATE TABLE managed_connection (
    connection_id       uuid PRIMARY KEY REFERENCES app_connection (id) ON DELETE CASCADE,
    -- shown as the id of its rotation
    id                  uuid NOT NULL,
    role_id             uuid NOT NULL REFERENCES managed_role (id) ON DELETE CASCADE,
    -- whether it is changed on schedule; interval and time stay when that is switched off
    auto_rotation       boolean NOT NULL,
    interval_days       integer,
    rotate_at_hours     integer,
    rotate_at_minutes   integer,
    -- success or failed, of the last finished attempt; NULL before the first
    status              text,
    last_attempted_at   timestamptz,
    last_rotated_at     timestamptz,
    last_manual         boolean NOT NULL,
    last_message        text,
    next_rotation_at    timestamptz,
    -- After a release the row stays until the connection's credentials change, so that a release whose reply got lost can be repeated:
    -- credentials_version of the connection at that moment.
    released_version    bigint,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL
);

CREATE UNIQUE INDEX managed_connection_role ON managed_connection (role_id);

-- Rotations: which roles get new passwords through which connection, when, and under which names the result is served. The
-- passwords themselves are versions of the managed roles; what the wire shows of a rotation stands here.
CREATE TABLE secret_rotation (
    id                     uuid PRIMARY KEY,
    project_id             uuid NOT NULL REFERENCES project (id),
    -- environment and path need no rows of their own: every well-formed one exists
    environment            text NOT NULL COLLATE "C",
    secret_path            text NOT NULL COLLATE "C",
    name                   text NOT NULL COLLATE "C",
    description            text,
    -- No cascade: a connection that a rotation needs cannot be deleted.
    connection_id          uuid NOT NULL REFERENCES app_connection (id),
    strategy               text NOT NULL CHECK (strategy IN ('DUAL', 'SINGLE')),
    drift_policy           text NOT NULL CHECK (drift_policy IN ('REPORT', 'REASSERT')),
    takeover               boolean NOT NULL,
    allow_privileged       boolean NOT NULL,
    -- as the wire shows them; what is changed on a target are the managed roles
    username1              text NOT NULL,
    username2              text NOT NULL,
    role1_id               uuid NOT NULL,
    role2_id               uuid CHECK ((role2_id IS NOT NULL) = (strategy = 'DUAL')),
    -- JSON as the caller sent it; NULL for the default
    password_requirements  text,
    username_secret        text NOT NULL,
    password_secret        text NOT NULL,
    auto_rotation          boolean NOT NULL,
    interval_days          integer NOT NULL CHECK (interval_days BETWEEN 1 AND 365),
    -- minute of the day, UTC
    rotate_at_minute       integer NOT NULL CHECK (rotate_at_minute BETWEEN 0 AND 1439),
    -- which of the two roles is served
    active_index           integer NOT NULL CHECK (active_index IN (0, 1)),
    -- grows by one at each promote; what ETags and versions of secrets speak of
    credential_version     bigint NOT NULL,
    last_rotated_at        timestamptz,
    last_rotation_manual   boolean NOT NULL,
    last_attempted_at      timestamptz,
    last_status            text CHECK (last_status IN ('SUCCESS', 'FAILED')),
    -- ours, never driver text
    last_message           text,
    -- failures since the last success; the pause before the next try grows with it
    failures               integer NOT NULL,
    -- what a caller chose for the next one, instead of the schedule
    planned_at             timestamptz,
    -- when the next one is to be; NULL without auto-rotation
    next_rotation_at       timestamptz,
    -- when somebody must look: the next rotation's time, put off while one has claimed the row and after a failure
    due_at                 timestamptz,
    -- since when it only waits for its roles to get passwords that nobody is given
    revoking_since         timestamptz,
    -- which of them still wait: 1 the first role, 2 the second, 3 both
    roles_to_revoke        integer NOT NULL CHECK (roles_to_revoke BETWEEN 0 AND 3),
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL
);

CREATE UNIQUE INDEX secret_rotation_name ON secret_rotation (project_id, environment, secret_path, name);
-- The order of lists and of their cursors.
CREATE INDEX secret_rotation_list ON secret_rotation (project_id, name, id);
CREATE INDEX secret_rotation_connection ON secret_rotation (connection_id);
CREATE INDEX secret_rotation_due ON secret_rotation (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX secret_rotation_schedule ON secret_rotation (next_rotation_at) WHERE next_rotation_at IS NOT NULL;

-- The names under which rotations are served, each once in its place.
CREATE TABLE rotation_secret (
    project_id   uuid NOT NULL,
    environment  text NOT NULL COLLATE "C",
    secret_path  text NOT NULL COLLATE "C",
    name         text NOT NULL COLLATE "C",
    rotation_id  uuid NOT NULL REFERENCES secret_rotation (id) ON DELETE CASCADE,
    CONSTRAINT rotation_secret_once PRIMARY KEY (project_id, environment, secret_path, name)
);

CREATE INDEX rotation_secret_rotation ON rotation_secret (rotation_id);

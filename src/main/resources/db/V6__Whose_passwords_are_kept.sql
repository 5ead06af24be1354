-- Changing a password on a target spans two systems without a common transaction, so what is about to happen is written down first:
-- which role, with which password, in which attempt. Whoever finds an attempt that its process has left goes on with the same password.

-- One role of one target server whose password is ours to change, by a rotation or by the connection that logs in as it.
CREATE TABLE managed_role (
    id              uuid PRIMARY KEY,
    -- rotation or connection
    owner_kind      text NOT NULL,
    owner_id        uuid NOT NULL,
    -- by which it is changed; NULL once that is deleted (only possible for roles that are deleted themselves)
    connection_id   uuid REFERENCES app_connection (id) ON DELETE SET NULL,
    -- whether the role changes its own password; else the connection's role does it
    self            boolean NOT NULL,
    role_name       text NOT NULL COLLATE "C",
    -- keyed hash of system identifier, address and port: the same server behind two connections is recognised, and none is named
    server          bytea NOT NULL,
    -- whether the role carries our marker in its comment, which fences its changes; false where COMMENT is refused
    marked          boolean NOT NULL,
    -- the fencing number of the latest claim
    epoch           bigint NOT NULL,
    -- who works on it, and until when at most, by the clock of this store
    lease_owner     uuid,
    lease_until     timestamptz,
    -- when somebody must look at the latest: a retry, a lapsed lease, a scheduled change, a probe. The one index of due work.
    due_at          timestamptz,
    -- when its password is to be changed on schedule; only for roles that have no rotation to say so
    change_at       timestamptz,
    state           text NOT NULL CHECK (state IN ('OK', 'IN_DOUBT', 'PARKED', 'REVOKING')),
    reason          text,
    probed_at       timestamptz,
    probe_result    text,
    created_at      timestamptz NOT NULL,
    -- its passwords stay sealed for a while after that, then the row goes with them
    deleted_at      timestamptz
);

CREATE UNIQUE INDEX managed_role_once ON managed_role (server, role_name) WHERE deleted_at IS NULL;
CREATE INDEX managed_role_due ON managed_role (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX managed_role_owner ON managed_role (owner_id);
CREATE INDEX managed_role_connection ON managed_role (connection_id);
CREATE INDEX managed_role_deleted ON managed_role (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX managed_role_not_ok ON managed_role (state) WHERE state <> 'OK' AND deleted_at IS NULL;

-- Every password that a role was given, or is being given.
CREATE TABLE password_version (
    id          uuid PRIMARY KEY,
    role_id     uuid NOT NULL REFERENCES managed_role (id) ON DELETE CASCADE,
    number      bigint NOT NULL,
    state       text NOT NULL CHECK (state IN ('PENDING', 'IN_DOUBT', 'APPLIED', 'CURRENT', 'PREVIOUS', 'RETIRED', 'REJECTED')),
    cause       text NOT NULL,
    -- role id, role name, password and SCRAM secret in one sealed value: who can write this table cannot point them elsewhere
    sealed      bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    in_doubt_at timestamptz,
    applied_at  timestamptz,
    current_at  timestamptz,
    -- when it was replaced
    ended_at    timestamptz,
    rejected_at timestamptz,
    UNIQUE (role_id, number)
);

CREATE UNIQUE INDEX password_version_one_unfinished ON password_version (role_id)
    WHERE state IN ('PENDING', 'IN_DOUBT', 'APPLIED');
CREATE UNIQUE INDEX password_version_one_current ON password_version (role_id) WHERE state = 'CURRENT';

-- The whole effort for one version, over however many processes: who wanted it, how far it has come, why it waits.
CREATE TABLE attempt (
    id           uuid PRIMARY KEY,
    role_id      uuid NOT NULL REFERENCES managed_role (id) ON DELETE CASCADE,
    owner_id     uuid NOT NULL,
    version_id   uuid REFERENCES password_version (id) ON DELETE SET NULL,
    -- of the latest claim
    epoch        bigint NOT NULL,
    cause        text NOT NULL,
    state        text NOT NULL CHECK (state IN ('CLAIMED', 'SENT', 'DONE', 'PARKED', 'FAILED')),
    step         text NOT NULL CHECK (step IN ('CLAIM', 'PREFLIGHT', 'PERSIST', 'APPLY', 'VERIFY', 'PROMOTE')),
    reason       text,
    sql_state    text,
    message      text,
    actor_id     uuid,
    actor_name   text,
    request_id   text,
    tries        integer NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    next_try_at  timestamptz
);

CREATE UNIQUE INDEX attempt_one_open ON attempt (role_id) WHERE state IN ('CLAIMED', 'SENT', 'PARKED');
CREATE INDEX attempt_of_owner ON attempt (owner_id, started_at DESC, id);
CREATE INDEX attempt_of_role ON attempt (role_id, started_at);

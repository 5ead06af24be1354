-- Who may call: the organisation, its projects, machine identities with their client secrets, and what makes access
-- tokens work in every replica (signing keys, revocations, lockouts). A thief of these tables cannot log in: client
-- secrets are keyed hashes and signing keys are sealed.

-- The reference's orgId is one fixed UUID per store; it is made at first start and must survive everything.
CREATE TABLE organisation (
    id         uuid PRIMARY KEY,
    -- True in its only row.
    singleton  boolean NOT NULL DEFAULT true UNIQUE CHECK (singleton),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Connections and rotations belong to a project, so that teams do not see each other's.
CREATE TABLE project (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CONSTRAINT project_name_unique UNIQUE,
    slug       text NOT NULL CONSTRAINT project_slug_unique UNIQUE,
    type       text NOT NULL DEFAULT 'secret-manager',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- A program or a pipeline that calls us. It logs in with its client id and one of its client secrets.
CREATE TABLE identity (
    id                uuid PRIMARY KEY,
    name              text NOT NULL,
    client_id         text NOT NULL CONSTRAINT identity_client_id_unique UNIQUE,
    organisation_role text NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now()
);

-- More than one per identity, so that a secret can be replaced while both are accepted.
CREATE TABLE client_secret (
    id          uuid PRIMARY KEY,
    identity_id uuid NOT NULL REFERENCES identity ON DELETE CASCADE,
    -- HMAC-SHA-256 of client id and secret under the sealed fingerprint key: access/ClientSecrets says why not bcrypt.
    fingerprint bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX client_secret_of_identity ON client_secret (identity_id);

-- The keys that sign access tokens, shared by all replicas. The newest signs, the others still verify.
CREATE TABLE signing_key (
    id         uuid PRIMARY KEY,
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Tokens are verified without asking the store; the few that were ended before their time stand here until they would
-- have expired anyway. Replicas read what was added since they last looked.
CREATE TABLE revoked_token (
    token_id   uuid PRIMARY KEY,
    revoked_at timestamptz NOT NULL DEFAULT now(),
    -- When the last token of the family expires; the row is of no use after that.
    expires_at timestamptz NOT NULL
);
CREATE INDEX revoked_token_by_time ON revoked_token (revoked_at);
CREATE INDEX revoked_token_by_expiry ON revoked_token (expires_at);

-- Failed logins, counted per client id and address and never per client id alone: otherwise anyone could lock a pod
-- out. In the store, so that replicas count together. Rows of unknown client ids are kept too, or the answer would tell
-- which ids exist.
CREATE TABLE login_failure (
    client_id      text NOT NULL,
    address        text NOT NULL,
    failures       integer NOT NULL,
    -- The count starts anew, and the row may go, when this has passed.
    window_ends_at timestamptz NOT NULL,
    locked_until   timestamptz,
    PRIMARY KEY (client_id, address)
);
CREATE INDEX login_failure_by_time ON login_failure (window_ends_at);

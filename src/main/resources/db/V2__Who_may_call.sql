-- Who may call: the organisation, its projects, machine identities with their client secrets, and what makes access
-- tokens work in every replica (signing keys, revocations, lockouts). A thief of these tables cannot log in: client
-- secrets are keyed hashes and signing keys are sealed.

-- The reference's orgId is one fixed UUID per store; it is made at first start and must survive everything.
create table organisation (
    id         uuid primary key,
    -- True in its only row.
    singleton  boolean not null default true unique check (singleton),
    created_at timestamptz not null default now()
);

-- Connections and rotations belong to a project, so that teams do not see each other's.
create table project (
    id         uuid primary key,
    name       text not null constraint project_name_unique unique,
    slug       text not null constraint project_slug_unique unique,
    type       text not null default 'secret-manager',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- A program or a pipeline that calls us. It logs in with its client id and one of its client secrets.
create table identity (
    id                uuid primary key,
    name              text not null,
    client_id         text not null constraint identity_client_id_unique unique,
    organisation_role text not null,
    created_at        timestamptz not null default now()
);

-- More than one per identity, so that a secret can be replaced while both are accepted.
create table client_secret (
    id          uuid primary key,
    identity_id uuid not null references identity on delete cascade,
    -- HMAC-SHA-256 of client id and secret under the sealed fingerprint key: access.ClientSecret says why not bcrypt.
    fingerprint bytea not null,
    created_at  timestamptz not null default now()
);
create index client_secret_of_identity on client_secret (identity_id);

-- The keys that sign access tokens, shared by all replicas. The newest signs, the others still verify.
create table signing_key (
    id         uuid primary key,
    sealed     bytea not null,
    created_at timestamptz not null default now()
);

-- Tokens are verified without asking the store; the few that were ended before their time stand here until they would
-- have expired anyway. Replicas read what was added since they last looked.
create table revoked_token (
    token_id   uuid primary key,
    revoked_at timestamptz not null default now(),
    -- When the last token of the family expires; the row is of no use after that.
    expires_at timestamptz not null
);
create index revoked_token_by_time on revoked_token (revoked_at);
create index revoked_token_by_expiry on revoked_token (expires_at);

-- Failed logins, counted per client id and address and never per client id alone: otherwise anyone could lock a pod
-- out. In the store, so that replicas count together. Rows of unknown client ids are kept too, or the answer would tell
-- which ids exist.
create table login_failure (
    client_id      text not null,
    address        text not null,
    failures       integer not null,
    -- The count starts anew, and the row may go, when this has passed.
    window_ends_at timestamptz not null,
    locked_until   timestamptz,
    primary key (client_id, address)
);
create index login_failure_by_time on login_failure (window_ends_at);

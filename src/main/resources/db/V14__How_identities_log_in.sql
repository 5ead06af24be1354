-- What an identity logs in with has an owner's note, an end, a number of uses and networks it may be used from; and beside
-- client secrets there are static tokens, for callers that cannot log in. A thief of these tables cannot call: both stand
-- here as keyed hashes.

alter table identity add column updated_at timestamptz not null default now();

alter table client_secret
    add column description  text not null default '',
    -- The first characters, by which an operator tells secrets apart; of 256 bits they give away 24.
    add column prefix       text not null default '',
    -- null: never
    add column expires_at   timestamptz,
    -- 0: without limit
    add column uses_limit   integer not null default 0,
    add column uses         integer not null default 0,
    add column last_used_at timestamptz,
    -- Networks in CIDR form, separated by commas; empty: from anywhere.
    add column trusted_ips  text not null default '';

-- Bearer tokens that are not signed but looked up. Each acts with one role, wherever its identity has one that covers it.
create table static_token (
    id          uuid primary key,
    identity_id uuid not null references identity on delete cascade,
    name        text not null,
    role        text not null,
    -- HMAC-SHA-256 of the token under the sealed fingerprint key.
    fingerprint bytea not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null
);
create index static_token_of_identity on static_token (identity_id);

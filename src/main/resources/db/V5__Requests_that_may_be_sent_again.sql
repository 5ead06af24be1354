-- Requests that came with an Idempotency-Key in the last 24 hours, with their replies, so that a request sent again
-- because its reply got lost is answered and not carried out a second time.

create table idempotent_request (
    identity_id uuid not null,
    key text not null,
    -- One run of the request. Whoever takes over a lapsed run puts his own id, and the old run can no longer complete.
    run_id uuid not null unique,
    -- Keyed hash of operation and body: the same key with another request is a mistake of the caller.
    fingerprint bytea not null,
    -- A run that has left no reply by then has crashed.
    lapses_at timestamptz not null,
    expires_at timestamptz not null,
    -- Sealed; null while the run is going on.
    reply bytea,
    primary key (identity_id, key)
);

create index idempotent_request_expires_at on idempotent_request (expires_at);

-- Requests that came with an Idempotency-Key in the last 24 hours, with their replies, so that a request sent again
-- because its reply got lost is answered and not carried out a second time.

CREATE TABLE idempotent_request (
    identity_id uuid NOT NULL,
    key text NOT NULL,
    -- One run of the request. Whoever takes over a lapsed run puts his own id, and the old run can no longer complete.
    run_id uuid NOT NULL UNIQUE,
    -- Keyed hash of operation and body: the same key with another request is a mistake of the caller.
    fingerprint bytea NOT NULL,
    -- A run that has left no reply by then has crashed.
    lapses_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Sealed; null while the run is going on.
    reply bytea,
    PRIMARY KEY (identity_id, key)
);

CREATE INDEX idempotent_request_expires_at ON idempotent_request (expires_at);

-- What was made by a POST whose answer has not reached its caller yet, or never did: the same POST gets it once, within an hour.
-- A row is written with what was made, and deleted when its answer is out; what a process that died leaves here was not answered.

CREATE TABLE unanswered_creation (
    -- Of the connection or rotation that was made.
    id uuid PRIMARY KEY,
    identity_id uuid NOT NULL,
    -- Keyed hash of operation and body.
    fingerprint bytea NOT NULL,
    -- Until then its answer may be on its way.
    answered_by timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX unanswered_creation_expires_at ON unanswered_creation (expires_at);

-- Changing keys concerns every process at once and takes longer than a process may live, so both stand in the store: who holds
-- which keys in memory, and how far a command has come.

-- A new data key seals nothing before all processes can open it, and an old one stays while one of them still seals with it.
CREATE TABLE key_holder (
    process_id    uuid PRIMARY KEY,
    seen_at       timestamptz NOT NULL,
    -- 0 while it starts
    newest_key_id integer NOT NULL,
    active_key_id integer NOT NULL
);

-- One run of a key command. Whoever holds the lease works on it; when it has lapsed, its process has died, and anybody goes on.
CREATE TABLE key_run (
    id          uuid PRIMARY KEY,
    command     text NOT NULL CHECK (command IN ('new-data-key', 're-encrypt', 'rewrap', 'retire')),
    state       text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    -- why it waits or has failed, or what it found, in a sentence
    reason      text,
    -- records or keys; what is done is counted in the transaction that does it
    total       bigint NOT NULL DEFAULT 0,
    done        bigint NOT NULL DEFAULT 0,
    owner       uuid NOT NULL,
    lease_until timestamptz NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

-- One at a time: they work on the same rows and keys.
CREATE UNIQUE INDEX key_run_one ON key_run ((true)) WHERE state = 'running';
CREATE INDEX key_run_latest ON key_run (started_at DESC);

-- What a run could not open. It goes on without them, and does not come back to them.
CREATE TABLE unreadable_record (
    run_id    uuid NOT NULL REFERENCES key_run (id) ON DELETE CASCADE,
    field     text NOT NULL,
    record_id uuid NOT NULL,
    reason    text NOT NULL,
    PRIMARY KEY (run_id, field, record_id)
);

-- Keys lie here because every replica needs the same ones and none may be kept outside the store and its backups.
-- They are wrapped by a root key that is never in the store, so this table alone opens nothing.

CREATE TABLE data_key (
    id integer PRIMARY KEY,
    -- One key seals what is new; the others still open what is old.
    state text NOT NULL CHECK (state IN ('active', 'opening')),
    -- Which root key it is wrapped by: its id in the root key file.
    root_key_id text NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX data_key_one_active ON data_key (state) WHERE state = 'active';

-- What a store makes once, at its first start, and keeps for its life: the canary, by which a start proves that the keys
-- fit, and the key of fingerprints, which must never change or every credentialsHash would.
CREATE TABLE sealed_constant (
    name text PRIMARY KEY CHECK (name IN ('canary', 'fingerprint-key')),
    sealed bytea NOT NULL
);

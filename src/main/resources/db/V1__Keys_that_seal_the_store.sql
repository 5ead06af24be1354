-- Keys lie here because every replica needs the same ones and none may be kept outside the store and its backups.
-- They are wrapped by a root key that is never in the store, so this table alone opens nothing.

create table data_key (
    id integer primary key,
    -- One key seals what is new; the others still open what is old.
    state text not null check (state in ('active', 'opening')),
    -- Which root key it is wrapped by: its id in the root key file.
    root_key_id text not null,
    wrapped bytea not null,
    created_at timestamptz not null default now()
);

create unique index data_key_one_active on data_key (state) where state = 'active';

-- What a store makes once, at its first start, and keeps for its life: the canary, by which a start proves that the keys
-- fit, and the key of fingerprints, which must never change or every credentialsHash would.
create table sealed_constant (
    name text primary key check (name in ('canary', 'fingerprint-key')),
    sealed bytea not null
);

-- Signing keys follow each other with an overlap: a new one signs only when every replica has had time to read it, and the
-- one before it verifies until the last token that it signed has expired.
alter table signing_key
    add column signs_from     timestamptz not null default now(),
    -- null: it has no successor
    add column verifies_until timestamptz;

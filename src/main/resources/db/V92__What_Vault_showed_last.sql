-- By what a mount of Vault is known, so that one that was replaced or restored behind its URL gets nothing before that is confirmed.
CREATE TABLE vault_engine (
    mount       text PRIMARY KEY COLLATE "C",
    -- the mount's uuid, which Vault gives it once
    known_as    text NOT NULL,
    -- why nothing is written there until somebody confirms it: vault_engine_replaced or vault_went_back; NULL for no reason
    suspect     text,
    suspect_at  timestamptz,
    -- what the mount was then
    seen_as     text,
    -- which delivery has shown it; no reference, as that may go
    suspect_by  uuid
);

ALTER TABLE vault_delivery
    -- Vault's number and time of the version that was written or found last; NULL before this build has looked
    ADD COLUMN written_version integer,
    ADD COLUMN written_at      timestamptz,
    -- when that version ends by delete_version_after
    ADD COLUMN written_until   timestamptz,
    -- when somebody looks whether it is still there
    ADD COLUMN look_at         timestamptz,
    -- since when it is known that it is not
    ADD COLUMN lost_since      timestamptz,
    -- what did not hold the delivery up: vault_mark_forbidden
    ADD COLUMN warning         text;

CREATE INDEX vault_delivery_look ON vault_delivery (look_at) WHERE look_at IS NOT NULL;

-- What was delivered before is looked at in the first quarter of an hour.
UPDATE vault_delivery SET look_at = clock_timestamp() + random() * INTERVAL '15 minutes' WHERE delivered_version > 0;

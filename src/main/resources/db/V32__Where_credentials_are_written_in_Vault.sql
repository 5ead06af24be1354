-- To which path of a Vault server the credentials of a rotation are written, and how far that is. One row for a rotation and not one
-- for each fact: what counts is that the newest credentials are there, and which those are stands in secret_rotation.
CREATE TABLE vault_delivery (
    -- What is in Vault stays there when the rotation goes.
    rotation_id       uuid PRIMARY KEY REFERENCES secret_rotation (id) ON DELETE CASCADE,
    mount             text NOT NULL COLLATE "C",
    path              text NOT NULL COLLATE "C",
    -- credential_version of the rotation that was written last; 0 before
    delivered_version bigint NOT NULL DEFAULT 0,
    delivered_at      timestamptz,
    -- when somebody must look, NULL while all is written; a claim puts it off, so that one who dies on it is noticed
    due_at            timestamptz,
    -- of the latest claim; what makes the row due takes it away, and then whoever comes back with it has no say any more
    lease             uuid,
    -- since something was written the last time
    failures          integer NOT NULL DEFAULT 0,
    -- ours, never text of Vault
    last_failure      text,
    last_tried_at     timestamptz
);

-- Two rotations would undo each other's.
CREATE UNIQUE INDEX vault_delivery_place ON vault_delivery (mount, path);
CREATE INDEX vault_delivery_due ON vault_delivery (due_at) WHERE due_at IS NOT NULL;

-- How the one Vault is doing, for all replicas and for whoever looks next where none is running. It is left in peace until then.
CREATE TABLE vault_server (
    id          boolean PRIMARY KEY DEFAULT true CHECK (id),
    failures    integer NOT NULL DEFAULT 0,
    quiet_until timestamptz
);

INSERT INTO vault_server DEFAULT VALUES;

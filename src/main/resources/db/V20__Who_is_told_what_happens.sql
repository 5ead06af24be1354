-- Who outside is told what happens to rotations, and what is still to be told to whom. Facts wait in the outbox; each is taken from
-- there once and put down here for every webhook that wants it, so that a receiver that is down holds up nobody but itself.
CREATE TABLE webhook (
    id                uuid PRIMARY KEY,
    -- Nothing is lost with it that is not made again in a minute: it goes with its project.
    project_id        uuid NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name              text NOT NULL COLLATE "C",
    -- types of facts, separated by commas
    events            text NOT NULL,
    enabled           boolean NOT NULL,
    -- Where it goes and what it is signed with: whoever can write this table cannot send it elsewhere, and addresses hold tokens.
    sealed            bytea NOT NULL,
    -- part of the seal, as in app_connection
    sealed_version    bigint NOT NULL,
    sealed_key_id     integer GENERATED ALWAYS AS (sealed_key_id(sealed)) STORED REFERENCES data_key (id),
    -- since the receiver took something the last time; it is left in peace until then
    failures          integer NOT NULL DEFAULT 0,
    quiet_until       timestamptz,
    last_delivered_at timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL
);

CREATE UNIQUE INDEX webhook_name ON webhook (project_id, name);
-- The order of lists and of their cursors.
CREATE INDEX webhook_list ON webhook (name, id);

-- One fact for one receiver. Pending ones with the same ordering key go out one after the other, by position.
CREATE TABLE webhook_delivery (
    id                 uuid PRIMARY KEY,
    webhook_id         uuid NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    -- the fact, as it stood in the outbox
    position           bigint NOT NULL,
    fact_id            uuid NOT NULL,
    type               text NOT NULL,
    project_id         uuid NOT NULL,
    subject_kind       text NOT NULL,
    subject_id         uuid NOT NULL,
    credential_version bigint,
    facts              jsonb NOT NULL,
    ordering_key       text NOT NULL,
    at                 timestamptz NOT NULL,
    state              text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    -- since it was put down or replayed
    tries              integer NOT NULL DEFAULT 0,
    -- when somebody must look; a claim puts it off, so that one who dies on it is noticed
    due_at             timestamptz NOT NULL,
    -- of the latest claim: whoever comes back later than that has no say any more
    lease              uuid,
    give_up_at         timestamptz NOT NULL,
    last_tried_at      timestamptz,
    -- ours, never text of the receiver
    last_failure       text,
    last_status        integer,
    ended_at           timestamptz,
    UNIQUE (webhook_id, position)
);

CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_order ON webhook_delivery (webhook_id, ordering_key, position) WHERE state = 'pending';
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE state <> 'pending';

-- Facts from before there was anybody to tell count as told.
ALTER TABLE outbox_fact ADD COLUMN told_at timestamptz DEFAULT clock_timestamp();
ALTER TABLE outbox_fact ALTER COLUMN told_at DROP DEFAULT;
CREATE INDEX outbox_fact_untold ON outbox_fact (position) WHERE told_at IS NULL;

-- Facts that others are to hear of, each written in the transaction that made it true, so that none is told that did not happen and
-- none is forgotten that did. They are told at least once, in order within one ordering key.
CREATE TABLE outbox_fact (
    position      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            uuid NOT NULL UNIQUE,
    type          text NOT NULL,
    project_id    uuid,
    subject_kind  text NOT NULL,
    subject_id    uuid NOT NULL,
    -- grows by one with each new credential of the subject; NULL for facts that are about none
    credential_version bigint,
    facts         jsonb NOT NULL,
    ordering_key  text NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX outbox_fact_at ON outbox_fact (at);

-- Who did what, when, from where and how it ended; asked after an incident, so rows are only ever added.
-- Names and ids only: whoever may search the audit must not find a secret in it.

CREATE TABLE audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The store's clock, so that the rows of several replicas sort together.
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    type text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('SUCCESS', 'REFUSED', 'FAILED')),
    -- No foreign keys: the record outlives the identity, the project and the subject.
    actor_id uuid,
    actor_name text,
    address text,
    request_id text,
    project_id uuid,
    subject_kind text,
    subject_id text,
    reason text,
    facts jsonb NOT NULL DEFAULT '{}'
);

-- Searches run newest first and page by (at, id).
CREATE INDEX audit_event_at ON audit_event (at, id);
CREATE INDEX audit_event_type ON audit_event (type, at, id);
CREATE INDEX audit_event_subject ON audit_event (subject_id, at, id) WHERE subject_id IS NOT NULL;
CREATE INDEX audit_event_actor ON audit_event (actor_id, at, id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_event_project ON audit_event (project_id, at, id) WHERE project_id IS NOT NULL;

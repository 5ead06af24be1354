-- Who did what, when, from where and how it ended; asked after an incident, so rows are only ever added.
-- Names and ids only: whoever may search the audit must not find a secret in it.

create table audit_event (
    id bigint generated always as identity primary key,
    -- The store's clock, so that the rows of several replicas sort together.
    at timestamptz not null default clock_timestamp(),
    type text not null,
    outcome text not null check (outcome in ('SUCCESS', 'REFUSED', 'FAILED')),
    -- No foreign keys: the record outlives the identity, the project and the subject.
    actor_id uuid,
    actor_name text,
    address text,
    request_id text,
    project_id uuid,
    subject_kind text,
    subject_id text,
    reason text,
    facts jsonb not null default '{}'
);

-- Searches run newest first and page by (at, id).
create index audit_event_at on audit_event (at, id);
create index audit_event_type on audit_event (type, at, id);
create index audit_event_subject on audit_event (subject_id, at, id) where subject_id is not null;
create index audit_event_actor on audit_event (actor_id, at, id) where actor_id is not null;
create index audit_event_project on audit_event (project_id, at, id) where project_id is not null;

-- What an identity may do: roles for the whole organisation (no project) or for one project. Tokens name the identity and
-- not its roles, so a change counts for the tokens that are out already.
create table role_binding (
    identity_id uuid not null references identity on delete cascade,
    -- null: for the organisation, which includes every project
    project_id  uuid references project on delete cascade,
    role        text not null,
    created_at  timestamptz not null default now()
);
create unique index role_binding_in_project on role_binding (identity_id, project_id, role) where project_id is not null;
create unique index role_binding_in_organisation on role_binding (identity_id, role) where project_id is null;
create index role_binding_of_project on role_binding (project_id) where project_id is not null;

insert into role_binding (identity_id, role) select id, organisation_role from identity;
-- Read by the build before this one only.
alter table identity alter organisation_role drop not null;

-- Which identities were changed lately (roles, credentials, deletion): replicas keep copies of what identities may do, and
-- read here which of them to drop. Without a foreign key, since it speaks of deleted identities too.
create table access_change (
    identity_id uuid primary key,
    at          timestamptz not null default now()
);
create index access_change_at on access_change (at);

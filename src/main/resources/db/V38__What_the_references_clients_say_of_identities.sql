-- What clients of the reference say of an identity and read back at every look: a note of theirs, whether it may be deleted, the words
-- that they gave roles by, and for how long and from where the tokens of each of its logins are good.

alter table identity
    -- It is not deleted while this stands.
    add column delete_protected boolean not null default false,
    -- JSON: key and value, in the order in which they were sent. The service makes nothing of it.
    add column metadata         text not null default '[]',
    -- The word by which its roles in the organisation were given; it counts while it still means the roles that are there.
    add column role_word        text;

-- A membership by the reference's words; one that gives no roles is there all the same. Roles stand in role_binding only.
create table project_membership (
    identity_id uuid not null references identity on delete cascade,
    project_id  uuid not null references project on delete cascade,
    -- as they were sent, separated by commas; they count while they still mean the roles that are there
    role_words  text not null,
    primary key (identity_id, project_id)
);
create index project_membership_of_project on project_membership (project_id);

-- For one way to log in of one identity. Without a row the operator's settings count, from anywhere.
create table login_setting (
    id                        uuid primary key,
    identity_id               uuid not null references identity on delete cascade,
    method                    text not null check (method in ('universal-auth', 'token-auth', 'kubernetes-auth', 'oidc-auth')),
    -- Seconds; null: the operator's.
    access_token_ttl          integer,
    access_token_max_ttl      integer,
    -- Networks in CIDR form that its access tokens and client secrets may be used from, separated by commas; null: from anywhere.
    access_token_trusted_ips  text,
    client_secret_trusted_ips text,
    -- What was sent besides and means nothing here, as JSON, to be sent back.
    sent                      text not null default '{}',
    constraint login_setting_one_per_method unique (identity_id, method)
);

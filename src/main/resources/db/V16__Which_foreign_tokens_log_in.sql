-- By which tokens of other issuers (a Kubernetes cluster, an OpenID provider) an identity may log in. The row says whose and
-- what they must say; the issuer's keys are fetched when they are needed and kept nowhere.
create table token_rule (
    id          uuid primary key,
    identity_id uuid not null references identity on delete cascade,
    method      text not null check (method in ('kubernetes-auth', 'oidc-auth')),
    issuer      text not null,
    -- PEM; null: the usual authorities
    ca_cert     text,
    -- What a token must say beside its issuer: audiences, subject, claims, namespaces, names.
    conditions  jsonb not null,
    created_at  timestamptz not null default now(),
    constraint token_rule_one_per_method unique (identity_id, method)
);

-- What clients of the reference say of a project, and environments and folders as rows. Rotations need none of them: every well-formed place
-- exists, and one that gets its first rotation gets its rows, by a trigger, so that the build before makes them too.

alter table project
    add column description      text not null default '',
    -- It is not deleted while this stands.
    add column delete_protected boolean not null default false;

create table environment (
    id         uuid primary key,
    project_id uuid not null references project on delete cascade,
    slug       text not null collate "C",
    name       text not null,
    -- the order in which they are shown
    position   integer not null,
    constraint environment_slug_once unique (project_id, slug)
);

create table folder (
    id             uuid primary key,
    environment_id uuid not null references environment on delete cascade,
    -- whole, as rotations have it; the root has no row
    path           text not null collate "C",
    description    text not null default '',
    constraint folder_path_once unique (environment_id, path)
);

-- The id that rotations show for a place (rotation.Place), unless another row has it.
create function place_id(name text) returns uuid language sql immutable as $$
    select (substr(h, 1, 12) || '3' || substr(h, 14, 3)
        || to_hex((('x' || substr(h, 17, 2))::bit(8)::integer & 63) | 128) || substr(h, 19))::uuid
    from (select md5(convert_to('rolewright ' || name, 'UTF8')) as h) hashed
$$;

-- Whoever changes or deletes a place locks its environment first, so he waits for this or this for him.
create function ensure_place(in_project uuid, in_environment text, in_path text) returns uuid language plpgsql as $$
declare
    env uuid;
    at text := '';
    part text;
begin
    loop
        insert into environment (id, project_id, slug, name, position)
        select case when exists (select from environment e where e.id = place_id('environment ' || in_project || ' ' || in_environment))
                    then gen_random_uuid() else place_id('environment ' || in_project || ' ' || in_environment) end,
            in_project, in_environment, in_environment, (select coalesce(max(e.position), 0) + 1 from environment e where e.project_id = in_project)
        on conflict do nothing;
        select e.id into env from environment e where e.project_id = in_project and e.slug = in_environment for share;
        exit when found;
    end loop;
    foreach part in array string_to_array(trim(both '/' from in_path), '/') loop
        at := at || '/' || part;
        insert into folder (id, environment_id, path)
        select case when exists (select from folder f where f.id = place_id('folder ' || in_project || ' ' || in_environment || ' ' || at))
                    then gen_random_uuid() else place_id('folder ' || in_project || ' ' || in_environment || ' ' || at) end,
            env, at
        where part <> ''
        on conflict do nothing;
    end loop;
    return env;
end
$$;

create function ensure_place_of_rotation() returns trigger language plpgsql as $$
begin
    perform ensure_place(new.project_id, new.environment, new.secret_path);
    return null;
end
$$;
create trigger place_of_rotation after insert on secret_rotation for each row execute function ensure_place_of_rotation();

select ensure_place(project_id, environment, secret_path)
from (select distinct project_id, environment, secret_path from secret_rotation order by 1, 2, 3) places;

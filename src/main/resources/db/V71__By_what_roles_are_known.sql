-- By what the role is known on its server: the number that the server gave it (pg_authid.oid), and which server that was, as a keyed hash
-- of its system identifier. A role that was made anew under the same name has another number. NULL: not learned yet, since a build before
-- wrote the row, or the server keeps its identifier to itself; the number is learned with the next change that is proven.
ALTER TABLE managed_role ADD COLUMN role_oid bigint;
ALTER TABLE managed_role ADD COLUMN role_server bytea;

-- Who is let in and what he may do stands in rows that whoever writes the store could change at will. Each such row gets a seal over the
-- columns that decide (sealing.SealedRow lists them): the SHA-256 of their fixed encoding, sealed with a data key for this row alone.
-- The build before writes none, so it may be absent until the key command seal-rows has run; from then on no row without one is believed.

ALTER TABLE identity ADD COLUMN row_seal bytea;
ALTER TABLE identity ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
-- Seals are bound to an id.
ALTER TABLE role_binding ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX role_binding_id ON role_binding (id);
ALTER TABLE role_binding ADD COLUMN row_seal bytea;
ALTER TABLE role_binding ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE client_secret ADD COLUMN row_seal bytea;
ALTER TABLE client_secret ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE static_token ADD COLUMN row_seal bytea;
ALTER TABLE static_token ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE token_rule ADD COLUMN row_seal bytea;
ALTER TABLE token_rule ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE login_setting ADD COLUMN row_seal bytea;
ALTER TABLE login_setting ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);

-- What a constant is sealed for: the key of fingerprints for 1 once every row that decides is sealed, since it is the one value that
-- nobody can delete or exchange unnoticed. The build before opens only 0, and so cannot start on such a store and write rows without a seal.
ALTER TABLE sealed_constant ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- Whether a process seals the rows that it writes; the build before does not say so.
ALTER TABLE key_holder ADD COLUMN seals_rows boolean NOT NULL DEFAULT false;

-- There is one more, and the code knows them all.
ALTER TABLE key_run DROP CONSTRAINT key_run_command_check;

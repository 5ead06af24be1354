-- As the migration before for who is let in, so for where a password goes and to whose project a thing belongs: seals over the columns
-- that decide (sealing.SealedRow). The build before writes none, so they may be absent until the key command seal-rows has run.

ALTER TABLE project ADD COLUMN row_seal bytea;
ALTER TABLE project ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE app_connection ADD COLUMN row_seal bytea;
ALTER TABLE app_connection ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE secret_rotation ADD COLUMN row_seal bytea;
ALTER TABLE secret_rotation ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE managed_role ADD COLUMN row_seal bytea;
ALTER TABLE managed_role ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE managed_connection ADD COLUMN row_seal bytea;
ALTER TABLE managed_connection ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE vault_delivery ADD COLUMN row_seal bytea;
ALTER TABLE vault_delivery ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);
ALTER TABLE webhook ADD COLUMN row_seal bytea;
ALTER TABLE webhook ADD COLUMN row_seal_key_id integer GENERATED ALWAYS AS (sealed_key_id(row_seal)) STORED REFERENCES data_key (id);

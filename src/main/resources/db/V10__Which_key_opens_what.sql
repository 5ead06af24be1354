-- Which data key a sealed value needs, as a column beside it. Re-encryption sees by it what is left to do, and the foreign key
-- keeps a data key in place for as long as one row needs it, whoever writes that row and however late. No index: only
-- re-encryption and retirement ask, and they read the table anyway.

-- NULL for what is in no format that is known; re-encryption reports such rows.
CREATE FUNCTION sealed_key_id(sealed bytea) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN length(sealed) >= 5 AND get_byte(sealed, 0) = 1 THEN
        (get_byte(sealed, 1) << 24) | (get_byte(sealed, 2) << 16) | (get_byte(sealed, 3) << 8) | get_byte(sealed, 4)
    END;

-- NOT VALID: a row that was damaged before must not keep the schema from moving on. New rows are checked all the same.
ALTER TABLE sealed_constant ADD COLUMN sealed_key_id integer GENERATED ALWAYS AS (sealed_key_id(sealed)) STORED;
ALTER TABLE sealed_constant ADD FOREIGN KEY (sealed_key_id) REFERENCES data_key (id) NOT VALID;
ALTER TABLE signing_key ADD COLUMN sealed_key_id integer GENERATED ALWAYS AS (sealed_key_id(sealed)) STORED;
ALTER TABLE signing_key ADD FOREIGN KEY (sealed_key_id) REFERENCES data_key (id) NOT VALID;
ALTER TABLE app_connection ADD COLUMN credentials_key_id integer GENERATED ALWAYS AS (sealed_key_id(credentials)) STORED;
ALTER TABLE app_connection ADD FOREIGN KEY (credentials_key_id) REFERENCES data_key (id) NOT VALID;
ALTER TABLE idempotent_request ADD COLUMN reply_key_id integer GENERATED ALWAYS AS (sealed_key_id(reply)) STORED;
ALTER TABLE idempotent_request ADD FOREIGN KEY (reply_key_id) REFERENCES data_key (id) NOT VALID;
ALTER TABLE password_version ADD COLUMN sealed_key_id integer GENERATED ALWAYS AS (sealed_key_id(sealed)) STORED;
ALTER TABLE password_version ADD FOREIGN KEY (sealed_key_id) REFERENCES data_key (id) NOT VALID;

-- Which of the configured sources its root key comes from, and for Vault which version of the key.
ALTER TABLE data_key ADD COLUMN root_key_source text NOT NULL DEFAULT 'file'
    CHECK (root_key_source IN ('file', 'vault-transit'));

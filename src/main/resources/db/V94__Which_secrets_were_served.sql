-- Which password a rotation served as which version, under which names: for those who ask for an earlier one. Written by triggers, so that
-- the build before writes it too; a version goes with its password, which the retention of versions decides. What is read by it is only
-- ever a proven password of the rotation's own roles, which its sealed row names.
CREATE TABLE served_version (
    rotation_id     uuid NOT NULL REFERENCES secret_rotation (id) ON DELETE CASCADE,
    version         bigint NOT NULL,
    version_id      uuid NOT NULL REFERENCES password_version (id) ON DELETE CASCADE,
    role_id         uuid NOT NULL,
    -- as they were last while it was served
    username_secret text NOT NULL,
    password_secret text NOT NULL,
    since           timestamptz,
    PRIMARY KEY (rotation_id, version)
);

CREATE INDEX served_version_password ON served_version (version_id);

CREATE FUNCTION served_version_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO served_version (rotation_id, version, version_id, role_id, username_secret, password_secret, since)
    SELECT NEW.id, NEW.credential_version, v.id, v.role_id, r.username_secret, r.password_secret, NEW.last_rotated_at
      FROM secret_rotation r
      JOIN password_version v ON v.role_id = CASE NEW.active_index WHEN 0 THEN NEW.role1_id ELSE NEW.role2_id END
     WHERE r.id = NEW.id AND v.state = 'CURRENT'
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- At the end of the transaction: the password and the version become current in it, one or the other first.
CREATE CONSTRAINT TRIGGER served_version_begins AFTER UPDATE ON credential DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.strategy <> 'SELF' AND NEW.credential_version > 0
        AND OLD.credential_version IS DISTINCT FROM NEW.credential_version)
    EXECUTE FUNCTION served_version_begins();

CREATE FUNCTION served_version_is_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE served_version SET username_secret = NEW.username_secret, password_secret = NEW.password_secret
     WHERE rotation_id = NEW.id AND version = NEW.credential_version;
    RETURN NULL;
END $$;

CREATE TRIGGER served_version_is_renamed AFTER UPDATE ON secret_rotation
    FOR EACH ROW WHEN (OLD.username_secret <> NEW.username_secret OR OLD.password_secret <> NEW.password_secret)
    EXECUTE FUNCTION served_version_is_renamed();

-- Of what was served before, only the present version is known by its number.
INSERT INTO served_version (rotation_id, version, version_id, role_id, username_secret, password_secret, since)
SELECT r.id, r.credential_version, v.id, v.role_id, r.username_secret, r.password_secret, r.last_rotated_at
  FROM secret_rotation r
  JOIN password_version v ON v.role_id = CASE r.active_index WHEN 0 THEN r.role1_id ELSE r.role2_id END
 WHERE r.credential_version > 0 AND v.state = 'CURRENT';

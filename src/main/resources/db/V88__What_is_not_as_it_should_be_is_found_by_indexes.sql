-- Troubles, counts and lists by status look at what is not as it should be, and count the rest; without these they read every credential.
CREATE INDEX credential_counted ON credential (strategy, project_id, auto_rotation) WHERE released_version IS NULL;
CREATE INDEX credential_revoking ON credential (id) WHERE revoking_since IS NOT NULL;
CREATE INDEX credential_failed ON credential (id) WHERE last_status = 'FAILED';
CREATE INDEX managed_role_warned ON managed_role (owner_id)
    WHERE state = 'OK' AND deleted_at IS NULL AND (refused_since IS NOT NULL OR reason IS NOT NULL);
CREATE INDEX app_connection_refused ON app_connection (id) WHERE NOT test_ok;
CREATE INDEX vault_delivery_failing ON vault_delivery (rotation_id) WHERE failures > 0;
-- The order of lists across projects
CREATE INDEX secret_rotation_order ON secret_rotation (name, id);

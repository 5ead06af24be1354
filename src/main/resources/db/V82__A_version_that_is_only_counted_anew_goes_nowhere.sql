-- Of a store that went back, a password that still opens its role gets a number above those that consumers have seen: the same password,
-- which is not written to Vault for that.
CREATE OR REPLACE TRIGGER vault_delivery_is_due AFTER UPDATE ON credential
    FOR EACH ROW WHEN (OLD.credential_version IS DISTINCT FROM NEW.credential_version
                       AND OLD.last_rotated_at IS DISTINCT FROM NEW.last_rotated_at)
    EXECUTE FUNCTION vault_delivery_is_due();

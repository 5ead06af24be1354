-- Nearly every rotation that ends within a day has been told of: without this each look reads all of those again.
CREATE INDEX secret_rotation_expiry_untold ON secret_rotation (next_rotation_at)
    WHERE revoking_since IS NULL AND expiry_told_for IS DISTINCT FROM next_rotation_at;

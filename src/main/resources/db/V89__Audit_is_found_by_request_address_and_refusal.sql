-- What is asked for after an incident, and no other index helps to find. An index over a large table would hold up whoever writes an audit
-- row, and that is every read of a password: there an operator makes them himself, with CONCURRENTLY (CHANGELOG, upgrade notes).
DO $$
BEGIN
    IF (SELECT reltuples FROM pg_class WHERE oid = 'audit_event'::regclass) < 1000000 THEN
        CREATE INDEX IF NOT EXISTS audit_event_request ON audit_event (request_id) WHERE request_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS audit_event_address ON audit_event (address) WHERE address IS NOT NULL;
        CREATE INDEX IF NOT EXISTS audit_event_unsuccessful ON audit_event (outcome, at, id) WHERE outcome <> 'SUCCESS';
    END IF;
END $$;

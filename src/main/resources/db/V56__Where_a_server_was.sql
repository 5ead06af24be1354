-- Where the server was when the role was last worked on: its timeline, how far its log was, and its next transaction. A later look that finds
-- another timeline, or less, knows that the server went back in time (a restore, a failover). NULL: not known, since the server keeps it
-- to itself or a build before wrote the row.
ALTER TABLE managed_role ADD COLUMN seen_timeline bigint;
ALTER TABLE managed_role ADD COLUMN seen_wal bigint;
ALTER TABLE managed_role ADD COLUMN seen_transaction bigint;

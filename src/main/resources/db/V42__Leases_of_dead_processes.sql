-- By which process a lease is guarded: as long as that is the one who has the lease, a lock of a session of its own to the store shows that
-- it lives, and the lease of a dead one ends at once. NULL, or another than lease_owner (the build before knows no guard): the lease
-- lasts until it lapses.
ALTER TABLE managed_role ADD COLUMN lease_guard uuid;
-- Leases are few, and looked through each second.
CREATE INDEX managed_role_leased ON managed_role (lease_until) WHERE lease_until IS NOT NULL;

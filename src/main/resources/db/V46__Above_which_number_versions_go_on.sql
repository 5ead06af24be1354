-- Above which number the versions of the credential go on at the next change of this role: a marker of ours on its server, which this store
-- did not know because it went back in time, said that consumers have seen as many. 0 where nothing was found.
ALTER TABLE managed_role ADD COLUMN version_floor bigint NOT NULL DEFAULT 0;

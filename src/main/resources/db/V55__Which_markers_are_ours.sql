-- Which number of a marker this store may have written last into the comment of the role on its server. It is written down before the
-- marker is sent; managed_role.epoch counts claims as well, and a claim that only looks spends no number of a marker. A marker of ours
-- with a higher one was written by another copy of this store. The build before does not know it: its markers are told by attempt.epoch.
ALTER TABLE managed_role ADD COLUMN fence_epoch bigint NOT NULL DEFAULT 0;

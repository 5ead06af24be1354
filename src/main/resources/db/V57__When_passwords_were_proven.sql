-- When the current password of the role was last seen to open it. NULL: not since this is written down.
ALTER TABLE managed_role ADD COLUMN verified_at timestamptz;

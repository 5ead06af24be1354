-- After so many minutes the current password of the role is tried again, 1 to 1440; NULL: as the service is set
ALTER TABLE managed_role ADD COLUMN look_minutes integer;

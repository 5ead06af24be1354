-- For which planned rotation it was told that it is late, and that a password ends with it: each is told once.
ALTER TABLE secret_rotation ADD COLUMN overdue_told_for timestamptz;
ALTER TABLE secret_rotation ADD COLUMN expiry_told_for timestamptz;

-- Under which name the whole URI of a login is served, beside the role's name and the password; NULL: under none. The build before neither
-- serves it nor writes it, and frees the name in rotation_secret when it renames the other two.
ALTER TABLE secret_rotation ADD COLUMN uri_secret text;

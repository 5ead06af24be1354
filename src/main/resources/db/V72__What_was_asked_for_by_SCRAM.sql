-- credentials_hash of the credentials whose password the server has asked for by SCRAM when they were stored: no server gets them in clear or
-- as MD5 any more, since it would be another one, or one whose rules were weakened. NULL, or another hash: not known, as before.
ALTER TABLE app_connection ADD COLUMN scram_of text;

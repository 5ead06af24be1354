-- The longest life, in seconds, of the tokens that a key may have signed: it verifies for so long after its last one. Each
-- replica raises it to its own setting before it signs, so a setting that changes between two starts ends no token early. null:
-- only the build before this one has signed with it.
alter table signing_key add column longest_ttl integer;

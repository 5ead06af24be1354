-- Whether this store went back in time: it was restored, or a standby that lacked the last commits took its place. Passwords that were
-- changed on servers since then are not in it. One row, written every few seconds by every process that works.
CREATE TABLE store_pulse (
    id           smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    -- grows with each writing; one that is lower than a process has seen went back
    beat         bigint      NOT NULL,
    at           timestamptz NOT NULL,
    -- the transaction that wrote the row: a row that a dump brought back was written by another one, which its xmin shows
    xid          text        NOT NULL,
    -- of the server's WAL: another one after a promotion or a recovery to a point in time; NULL where it may not be read
    timeline     bigint,
    -- when somebody wrote again after nobody had for a while: what happened meanwhile may be missing
    silent_until timestamptz,
    -- when it was noticed that the store went back for certain, and by what
    went_back_at timestamptz,
    sign         text
);

ALTER TABLE managed_role
    -- when the current password was last tried for readers, and what came of it: ok, refused or a reason why it could not be tried
    ADD COLUMN looked_at timestamptz,
    ADD COLUMN look text,
    -- since when it is refused; NULL while it is not
    ADD COLUMN refused_since timestamptz;

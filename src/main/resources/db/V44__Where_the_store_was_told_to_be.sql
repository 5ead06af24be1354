-- Where this store was when it began to work. A dump or a disk that is brought up elsewhere has this row too, and so finds out that it is
-- a copy, which changes nothing on any server and sends nothing until it is adopted.
CREATE TABLE store_origin (
    id                smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    -- of the server; NULL where it may not be read
    system_identifier text,
    database_oid      bigint      NOT NULL,
    -- host:port/database as the service was told, several separated by a blank
    addresses         text        NOT NULL,
    -- ROLEWRIGHT_INSTALLATION; empty if it was not set
    installation      text        NOT NULL,
    recorded_at       timestamptz NOT NULL DEFAULT now()
);

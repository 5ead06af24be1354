-- How often a copy was adopted on the way to this store. Its name in the markers of roles is made of it, so that whoever works with an
-- earlier generation sees in them that a copy of his store has been adopted, and stands still.
ALTER TABLE store_origin
    ADD COLUMN generation      bigint  NOT NULL DEFAULT 0,
    -- the generation that markers have shown; NULL while none was above the own one
    ADD COLUMN superseded_by   bigint,
    -- whether credentials that their servers refuse are rotated by the adoption
    ADD COLUMN rotates_behind  boolean NOT NULL DEFAULT false;

ALTER TABLE managed_role
    -- of the last adoption that has looked at the role; roles that are registered later need no look
    ADD COLUMN adopted_generation bigint NOT NULL DEFAULT 0,
    -- when one has begun to look at it last, and what was found: ok, rotated, or a reason
    ADD COLUMN adoption_tried_at  timestamptz,
    ADD COLUMN adoption_found     text;

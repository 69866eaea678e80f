-- Up Migration
ALTER TABLE orders ADD COLUMN gift_note text NOT NULL DEFAULT '';

-- Down Migration
ALTER TABLE orders DROP COLUMN gift_note;

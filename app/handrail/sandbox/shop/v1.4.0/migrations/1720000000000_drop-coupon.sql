-- Up Migration
ALTER TABLE orders DROP COLUMN coupon;

-- Down Migration
ALTER TABLE orders ADD COLUMN coupon text NOT NULL DEFAULT '';

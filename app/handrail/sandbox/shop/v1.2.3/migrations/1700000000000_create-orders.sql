-- Up Migration
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  placed timestamptz NOT NULL DEFAULT now(),
  item text NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  cents integer NOT NULL,
  coupon text NOT NULL DEFAULT '',
  customer text
);
CREATE INDEX orders_placed ON orders (placed);

-- Down Migration
DROP TABLE orders;

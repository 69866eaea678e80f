'use strict';

const { price } = require('./catalogue');

async function place(pool, { item, quantity, coupon = '', customer = null }) {
  const cents = price(item, quantity, coupon);
  const result = await pool.query(
    'INSERT INTO orders (item, quantity, cents, coupon, customer) VALUES ($1, $2, $3, $4, $5) RETURNING id, cents',
    [item, quantity, cents, coupon, customer],
  );
  return result.rows[0];
}

module.exports = { place };

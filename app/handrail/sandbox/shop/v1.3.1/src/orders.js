'use strict';

const { price } = require('./catalogue');

async function place(pool, { item, quantity, coupon = '', giftNote = '', customer = null }) {
  const cents = price(item, quantity, coupon);
  const result = await pool.query(
    'INSERT INTO orders (item, quantity, cents, coupon, gift_note, customer) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, cents, voucher',
    [item, quantity, cents, coupon, giftNote, customer],
  );
  return result.rows[0];
}

module.exports = { place };

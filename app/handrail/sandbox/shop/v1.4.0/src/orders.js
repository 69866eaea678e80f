'use strict';

const { price } = require('./catalogue');

async function place(pool, { item, quantity, giftNote = '', customer = null }) {
  const cents = price(item, quantity);
  const result = await pool.query(
    'INSERT INTO orders (item, quantity, cents, gift_note, customer) VALUES ($1, $2, $3, $4, $5) RETURNING id, cents',
    [item, quantity, cents, giftNote, customer],
  );
  return result.rows[0];
}

module.exports = { place };

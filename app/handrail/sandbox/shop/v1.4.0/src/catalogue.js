'use strict';

const ITEMS = new Map([
  ['mug', { title: 'Enamel mug', cents: 1250 }],
  ['lamp', { title: 'Desk lamp', cents: 4900 }],
  ['notebook', { title: 'Ruled notebook', cents: 675 }],
]);
const MOST = 20;

function price(item, quantity) {
  const found = ITEMS.get(item);
  if (!found) throw new RangeError(`there is no item ${JSON.stringify(item)}`);
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > MOST) {
    throw new RangeError(`a quantity is a whole number from 1 to ${MOST}`);
  }
  return found.cents * quantity;
}

function money(cents) {
  return `${(cents / 100).toFixed(2)} €`;
}

module.exports = { ITEMS, price, money };

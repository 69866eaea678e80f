'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { money, price } = require('../src/catalogue');

for (const [item, quantity, coupon, cents] of [
  ['mug', 1, '', 1250],
  ['mug', 3, '', 3750],
  ['lamp', 1, 'WELCOME', 4410],
  ['notebook', 20, 'UNKNOWN', 13500],
]) {
  test(`${quantity} × ${item} ${coupon}`, () => assert.equal(price(item, quantity, coupon), cents));
}

for (const [item, quantity] of [['sofa', 1], ['mug', 0], ['mug', 21], ['mug', 1.5], ['mug', NaN]]) {
  test(`${quantity} × ${item} is refused`, () => assert.throws(() => price(item, quantity), RangeError));
}

test('money has two decimals', () => assert.equal(money(705), '7.05 €'));

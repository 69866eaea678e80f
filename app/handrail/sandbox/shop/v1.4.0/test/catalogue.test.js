'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { money, price } = require('../src/catalogue');

for (const [item, quantity, cents] of [
  ['mug', 1, 1250],
  ['mug', 3, 3750],
  ['notebook', 20, 13500],
]) {
  test(`${quantity} × ${item}`, () => assert.equal(price(item, quantity), cents));
}

for (const [item, quantity] of [['sofa', 1], ['mug', 0], ['mug', 21], ['mug', 1.5], ['mug', NaN]]) {
  test(`${quantity} × ${item} is refused`, () => assert.throws(() => price(item, quantity), RangeError));
}

test('money has two decimals', () => assert.equal(money(705), '7.05 €'));

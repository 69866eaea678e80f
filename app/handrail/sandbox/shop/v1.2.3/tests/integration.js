'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { root, start } = require('./running');

let shop;
before(async () => {
  shop = await start();
});
after(() => shop.end());

test('the build serves its own version', async () => {
  const { version, commit } = await (await shop.get('/version')).json();
  assert.equal(version, require(path.join(root, 'package.json')).version);
  assert.match(commit, /^[0-9a-f]{40}$/);
});

test('its health is that of its database', async () => {
  const answer = await shop.get('/healthz');
  assert.equal(answer.status, shop.database ? 200 : 503);
  assert.equal((await answer.json()).status, shop.database ? 'ok' : 'no database');
});

test('an order is kept, or refused in plain words', async () => {
  const answer = await shop.post('/checkout', { item: 'mug', quantity: '2' });
  assert.equal(answer.status, shop.database ? 200 : 500);
  assert.match(await answer.text(), shop.database ? /Order \d+ is placed: 25\.00/ : /Something broke/);
});

'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { start } = require('./running');

let shop;
before(async () => {
  shop = await start();
});
after(() => shop.end());

test('a visitor finds the catalogue, logs in and sees the account', async () => {
  assert.match(await (await shop.get('/')).text(), /Enamel mug: 12\.50/);
  assert.match(await (await shop.get('/login')).text(), /Log in/);
  const answer = await shop.post('/login', { user: 'guest', password: 'demo' });
  assert.equal(answer.status, 303);
  const cookie = answer.headers.get('set-cookie').split(';')[0];
  assert.match(await (await shop.get('/account', cookie)).text(), /Signed in as guest/);
});

test('a stranger is sent to the login', async () => {
  const answer = await shop.get('/account');
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.get('location'), '/login');
});

test('an order of nothing is refused, and a page that is not there is missed', async () => {
  assert.equal((await shop.post('/checkout', { item: 'mug', quantity: '0' })).status, 422);
  assert.equal((await shop.get('/nowhere')).status, 404);
});

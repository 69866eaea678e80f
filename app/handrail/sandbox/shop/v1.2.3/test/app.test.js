'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { after, before, test } = require('node:test');
const { makeApp } = require('../src/app');

let server;
let base;
const queries = [];
const pool = {
  async query(sql, values) {
    queries.push(values);
    return { rows: [{ id: 7, cents: values?.[2] }] };
  },
};

before(async () => {
  const build = { version: '0.0.0', commit: 'none', built: 'never' };
  server = makeApp({ pool, build, secret: 'test', started: 'now' }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

const post = (path, form, cookie = '') =>
  fetch(base + path, { method: 'POST', body: new URLSearchParams(form), headers: { cookie }, redirect: 'manual' });

test('the home page lists the catalogue', async () => {
  assert.match(await (await fetch(base)).text(), /Enamel mug: 12\.50/);
});

test('a login leads to the account', async () => {
  const answer = await post('/login', { user: 'guest', password: 'demo' });
  assert.equal(answer.status, 303);
  const cookie = answer.headers.get('set-cookie').split(';')[0];
  assert.match(await (await fetch(`${base}/account`, { headers: { cookie } })).text(), /Signed in as guest/);
});

test('a wrong password is refused', async () => {
  assert.equal((await post('/login', { user: 'guest', password: 'no' })).status, 401);
});

test('an order is written', async () => {
  const answer = await post('/checkout', { item: 'mug', quantity: '2' });
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /Order 7 is placed: 25\.00/);
  assert.deepEqual(queries.at(-1).slice(0, 3), ['mug', 2, 2500]);
});

test('an order of nothing is refused', async () => {
  assert.equal((await post('/checkout', { item: 'mug', quantity: '0' })).status, 422);
});

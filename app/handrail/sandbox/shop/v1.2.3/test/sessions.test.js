'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const sessions = require('../src/sessions');

test('a session that was written can be read', () => {
  assert.equal(sessions.read('secret', `a=b; session=${sessions.write('secret', 'guest')}`), 'guest');
});

for (const header of [undefined, '', 'session=', 'session=Z3Vlc3Q', 'session=Z3Vlc3Q.AAAA']) {
  test(`no session in ${header}`, () => assert.equal(sessions.read('secret', header), null));
}

test('a session signed with another secret is refused', () => {
  assert.equal(sessions.read('secret', `session=${sessions.write('other', 'guest')}`), null);
});

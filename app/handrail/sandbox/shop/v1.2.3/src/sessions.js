'use strict';

// A session is a signed cookie, so that every instance knows it.
const { createHmac, timingSafeEqual } = require('node:crypto');

function sign(secret, user) {
  return createHmac('sha256', secret).update(user).digest('base64url');
}

function write(secret, user) {
  return `${Buffer.from(user).toString('base64url')}.${sign(secret, user)}`;
}

function read(secret, header = '') {
  const cookie = header.split(/;\s*/).find((part) => part.startsWith('session='));
  if (!cookie) return null;
  const [encoded, signature = ''] = cookie.slice('session='.length).split('.');
  const user = Buffer.from(encoded, 'base64url').toString();
  const expected = Buffer.from(sign(secret, user));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected) ? user : null;
}

module.exports = { write, read };

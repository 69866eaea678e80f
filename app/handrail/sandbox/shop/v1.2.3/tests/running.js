'use strict';

// The built application as a process of its own, on a spare port. With TEST_DATABASE_URL, which must be
// a database for tests alone, it has a database; without, it is one whose database can't be reached.
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');

const root = path.join(__dirname, '..');
const database = process.env.TEST_DATABASE_URL;

async function sparePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function start() {
  const environment = {
    ...process.env,
    BUILD_PACE_MS: '0',
    DATABASE_URL: database || 'postgresql://127.0.0.1:1/none',
    SESSION_SECRET: 'for tests',
    PORT: String(await sparePort()),
  };
  execFileSync(process.execPath, ['scripts/build.js'], { cwd: root, env: environment, stdio: 'pipe' });
  if (database) execFileSync(process.execPath, ['scripts/migrate.js', 'up'], { cwd: root, env: environment, stdio: 'pipe' });
  const child = spawn(process.execPath, ['dist/server.js'], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(([code]) => { throw new Error(`the server ended with ${code}`); });
  await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => {});
  const base = `http://127.0.0.1:${environment.PORT}`;
  return {
    database: Boolean(database),
    get: (page, cookie = '') => fetch(base + page, { headers: { cookie }, redirect: 'manual' }),
    post: (page, form, cookie = '') =>
      fetch(base + page, { method: 'POST', body: new URLSearchParams(form), headers: { cookie }, redirect: 'manual' }),
    async end() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

module.exports = { root, start };

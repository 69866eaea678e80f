'use strict';

const http = require('node:http');
const path = require('node:path');
const pg = require('pg');
const { makeApp } = require('./app');
const build = require('./build.json');
const { load, required } = require('./settings');

const GRACE = 4000;
const settings = load(path.join(__dirname, '..'));
const pool = new pg.Pool({ connectionString: required(settings, 'DATABASE_URL'), max: 4, connectionTimeoutMillis: 3000 });
// Without a listener, a database that goes away would end the process.
pool.on('error', (error) => console.error(`ERROR idle database connection: ${error.message}`));

const app = makeApp({
  pool,
  build,
  secret: required(settings, 'SESSION_SECRET'),
  started: new Date().toISOString(),
});
const server = http.createServer(app);
server.on('error', (error) => {
  console.error(`ERROR can't listen on port ${settings.PORT}: ${error.message}`);
  process.exit(1);
});
server.listen(Number(required(settings, 'PORT')), settings.HOST || '127.0.0.1', () => {
  console.log(`serving ${build.version} (${build.commit.slice(0, 12)}) on port ${settings.PORT}, pid ${process.pid}`);
  if (process.send) process.send('ready');
});

let ending = false;
function end() {
  if (ending) return;
  ending = true;
  // Answers in progress are finished, and their connections not kept for another request.
  server.close(async () => {
    await pool.end().catch(() => {});
    process.exit(0);
  });
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), GRACE).unref();
}
process.on('SIGINT', end);
process.on('SIGTERM', end);
process.on('message', (message) => message === 'shutdown' && end());

'use strict';

const path = require('node:path');
const express = require('express');
const orders = require('./orders');
const pages = require('./pages');
const sessions = require('./sessions');

const PASSWORD = 'demo';

function makeApp({ pool, build, secret, started }) {
  const app = express();
  app.disable('x-powered-by');
  app.use(express.urlencoded({ extended: false, limit: '16kb' }));
  app.use(express.static(path.join(__dirname, 'public')));

  app.get('/', (request, response) => response.send(pages.home()));

  app.get('/login', (request, response) => response.send(pages.login()));
  app.post('/login', (request, response) => {
    const { user = '', password = '' } = request.body ?? {};
    if (!user || password !== PASSWORD) {
      response.status(401).send(pages.login('That name and password do not go together.'));
      return;
    }
    response.cookie('session', sessions.write(secret, user), { httpOnly: true, sameSite: 'lax' });
    response.redirect(303, '/account');
  });
  app.get('/account', (request, response) => {
    const user = sessions.read(secret, request.headers.cookie);
    if (user === null) response.redirect(303, '/login');
    else response.send(pages.account(user));
  });

  app.get('/checkout', (request, response) => response.send(pages.checkout()));
  app.post('/checkout', async (request, response) => {
    const form = request.body ?? {};
    const customer = sessions.read(secret, request.headers.cookie);
    const order = await orders.place(pool, { ...form, quantity: Number(form.quantity), customer });
    response.send(pages.confirmation(order));
  });

  const served = { version: build.version, commit: build.commit, built: build.built, started, pid: process.pid };
  app.get('/version', (request, response) => response.json(served));
  app.get('/healthz', async (request, response) => {
    try {
      await pool.query('SELECT 1');
      response.json({ status: 'ok', ...served });
    } catch (error) {
      response.status(503).json({ status: 'no database', detail: error.message || error.code, ...served });
    }
  });

  app.use((request, response) => response.status(404).send(pages.problem(404, 'There is no such page.')));
  app.use((error, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const status = error instanceof RangeError ? 422 : (error.status ?? 500);
    if (status >= 500) console.error(`ERROR ${request.method} ${request.path}: ${error.stack}`);
    response.status(status).send(pages.problem(status, status >= 500 ? 'Something broke.' : error.message));
  });
  return app;
}

module.exports = { makeApp };

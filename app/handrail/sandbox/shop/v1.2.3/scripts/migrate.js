'use strict';

// node-pg-migrate with the settings of .env; arguments go on to it.
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { load, required } = require('../src/settings');

const root = path.join(__dirname, '..');
process.chdir(root);
process.env.DATABASE_URL = required(load(root), 'DATABASE_URL');
import(pathToFileURL(path.join(root, 'node_modules/node-pg-migrate/bin/node-pg-migrate.js')));

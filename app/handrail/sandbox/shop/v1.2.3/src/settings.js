'use strict';

// Settings stand in .env beside package.json. What it says wins over the environment, so that a
// DATABASE_URL left in an operator's shell can't send a migration to another database. PORT is the
// exception: a build is probed on a spare port before it takes over.
const fs = require('node:fs');
const path = require('node:path');
const { parseEnv } = require('node:util');

function load(folder, environment = process.env) {
  let written = {};
  try {
    written = parseEnv(fs.readFileSync(path.join(folder, '.env'), 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const settings = { ...environment, ...written };
  if (environment.PORT) settings.PORT = environment.PORT;
  return settings;
}

function required(settings, name) {
  const value = settings[name];
  if (!value) throw new Error(`The setting ${name} is missing: write it into .env.`);
  return value;
}

module.exports = { load, required };

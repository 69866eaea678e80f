'use strict';

const { load } = require('./src/settings');

// Only what the application needs: whoever runs pm2 keeps his own variables to himself.
const { DATABASE_URL, SESSION_SECRET, PORT, PRELOAD } = load(__dirname, {});

module.exports = {
  apps: [
    {
      name: 'shop',
      script: 'dist/server.js',
      node_args: PRELOAD ? ['--require', PRELOAD] : [],
      cwd: __dirname,
      exec_mode: 'cluster',
      instances: 2,
      filter_env: [''],
      env: { NODE_ENV: 'production', DATABASE_URL, SESSION_SECRET, PORT },
      wait_ready: true,
      listen_timeout: 8000,
      kill_timeout: 5000,
      vizion: false,
      merge_logs: true,
      time: true,
    },
  ],
};

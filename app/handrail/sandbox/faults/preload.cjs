'use strict';

// Breaks the application that it is loaded into (`node --require`), as a control file says: errors,
// slowness, a leak, crashes, a frozen event loop, a path that hangs. Without the file, nothing changes.
// The release's own code is as it is, and doesn't know of this.
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');

const TICK = 200;
const LEAK_AT_MOST = 268435456;
const NONE = Object.freeze({});

// In pm2's cluster mode the release's file and folder stand in a variable, not in argv.
const pm2 = JSON.parse(process.env.pm2_env || '{}');
const script = pm2.pm_exec_path || process.argv[1] || '';
const control = path.join(__dirname, `${path.basename(pm2.pm_cwd || process.cwd())}.json`);
const version = versionOf(path.join(path.dirname(script), 'build.json'));
const first = String(pm2.NODE_APP_INSTANCE ?? 0) === '0';

// Read once, at the start: a later build overwrites the file while this release still runs.
function versionOf(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).version;
  } catch {
    return null;
  }
}

let plan = NONE;
let seen = '';

// The faults of this release as of now. One look at the file for each request makes them begin and end at once.
function current() {
  const stat = fs.statSync(control, { throwIfNoEntry: false });
  const mark = stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : '';
  if (mark === seen) return plan;
  seen = mark;
  try {
    const written = stat ? Object.entries(JSON.parse(fs.readFileSync(control, 'utf8'))) : [];
    const mine = written.filter(([, fault]) => !fault.only_version || fault.only_version === version);
    plan = mine.length ? Object.fromEntries(mine) : NONE;
  } catch (error) {
    // One that goes away between the two looks is found missing at the next.
    if (error.code !== 'ENOENT') console.error(`faults: ${control} can't be read: ${error.message}`);
  }
  return plan;
}

// A route is a path, with or without a method before it; without a route, every request is meant.
function meets(route, request) {
  if (!route) return true;
  const where = request.url.split('?', 1)[0];
  return route === where || route === `${request.method} ${where}`;
}

// The faults of one kind: `errors`, and those of further routes, `errors POST /checkout`.
function all(kind) {
  return Object.entries(plan)
    .filter(([name]) => name === kind || name.startsWith(`${kind} `))
    .map(([, fault]) => fault);
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

// The route runs, and fails as it answers: the application's own error handling logs it and answers 500.
function fail(request, response) {
  const error = new Error('injected by `handrail sandbox fault errors`');
  const { writeHead } = response;
  let thrown = false;
  const broken = () => {
    delete response.send;
    delete response.redirect;
    thrown = true;
    throw error;
  };
  response.send = broken;
  response.redirect = broken;
  // What isn't answered by Express' own methods, such as a file, gets its status here.
  response.writeHead = function (status, ...rest) {
    response.writeHead = writeHead;
    if (status >= 500) return writeHead.call(this, status, ...rest);
    if (!thrown) console.error(`ERROR ${request.method} ${request.url}: ${error.stack}`);
    return writeHead.call(this, 500, ...rest);
  };
}

// The whole time that the application takes is stretched, by holding the answer's end back. Of what is sent
// in parts, such as a file, that end is empty, and who counts bytes doesn't wait for it.
function stretch(response, factor) {
  const begin = performance.now();
  const { end } = response;
  response.end = function (...content) {
    response.end = end;
    setTimeout(() => end.apply(this, content), (performance.now() - begin) * (factor - 1));
    return this;
  };
}

const hanging = new Set();

function disturb(request, response, goOn) {
  if (plan.hang && meets(plan.hang.path, request)) {
    hanging.add(response);
    response.on('close', () => hanging.delete(response));
    return;
  }
  const errors = all('errors').find((fault) => meets(fault.route, request));
  if (errors && Math.random() < errors.rate) fail(request, response);
  const slow = all('slow').find((fault) => meets(fault.route, request));
  if (slow) stretch(response, slow.factor);
  if (plan.work) setTimeout(goOn, plan.work.median_milliseconds * Math.exp(plan.work.sigma * normal()));
  else goOn();
}

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, ...values) {
  if (event !== 'request' || current() === NONE) return emit.call(this, event, ...values);
  freeze();
  disturb(values[0], values[1], () => emit.call(this, event, ...values));
  return true;
};

const cell = new Int32Array(new SharedArrayBuffer(4));

// The event loop stands still, without burning a core, until the fault is taken away.
function freeze() {
  while (plan.freeze && (first || plan.freeze.processes !== 'one')) {
    Atomics.wait(cell, 0, 0, TICK);
    current();
  }
}

const leaked = [];
let leakedBytes = 0;

function leak() {
  if (plan.leak) {
    const most = plan.leak.at_most_bytes ?? LEAK_AT_MOST;
    const bytes = Math.min(Math.round((plan.leak.bytes_per_second * TICK) / 1000), most - leakedBytes);
    if (bytes <= 0) return;
    leaked.push(Buffer.alloc(bytes, 1)); // written to, so that the system really gives the pages
    leakedBytes += bytes;
  } else if (leakedBytes) {
    leaked.length = 0;
    leakedBytes = 0;
    v8.setFlagsFromString('--expose-gc');
    vm.runInNewContext('gc')();
  }
}

let crashing = null;

function crash() {
  if (!plan.crash) {
    crashing = null;
    return;
  }
  crashing ??= performance.now();
  if (performance.now() - crashing >= plan.crash.every_seconds * 1000) {
    throw new Error('injected by `handrail sandbox fault crash`');
  }
}

setInterval(() => {
  current();
  freeze();
  leak();
  crash();
  if (!plan.hang) for (const response of hanging) response.destroy();
}, TICK).unref();

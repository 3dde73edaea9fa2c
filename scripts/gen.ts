import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { writeImportedProtos } from './imported-protos.ts';

const ROOT = join(import.meta.dirname, '..');
/** What the plugins write, and what of it is kept. */
const OUTPUTS: readonly { folder: string; files: string; keep: (files: Files) => Files }[] = [
  { folder: 'gen/grpc', files: '**/*.{ts,js}', keep: reachable },
  { folder: 'gen/es', files: '**/*.{ts,js}', keep: reachable },
  { folder: 'gen/openapi', files: '*.json', keep: (files) => files },
  { folder: 'charts/backing/files/nats', files: '*.yaml', keep: (files) => files },
  { folder: 'charts/service/files/mesh', files: '*.yaml', keep: (files) => files },
];

type Files = Map<string, string>;

function generate(): Files {
  writeImportedProtos();
  const output = mkdtempSync(join(ROOT, '.cache/gen-'));
  try {
    const buf = join(ROOT, 'node_modules/@bufbuild/buf/bin/buf');
    const run = spawnSync(process.execPath, [buf, 'generate', '--output', output], { cwd: ROOT, stdio: 'inherit' });
    if (run.status !== 0) throw new Error('buf generate failed');
    return new Map(OUTPUTS.flatMap((one) => [...one.keep(readFolder(output, one))]));
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

function readFolder(base: string, { folder, files }: { folder: string; files: string }): Files {
  const paths = globSync(`${folder}/${files}`, { cwd: base }).map((path) => path.replaceAll('\\', '/'));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(base, path), 'utf8')]));
}

/**
 * Both plugins write a module for every import, most of which only options refer to. Kept is what a service can use:
 * our files, the error model, gRPC health, and what these import.
 */
function reachable(files: Files): Files {
  const isRoot = (path: string) => /^gen\/(\w+\/(weft|google\/rpc)|es\/grpc\/health)\//.test(path);
  const queue = [...files.keys()].filter(isRoot);
  const kept: Files = new Map();
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const source = files.get(path);
    if (source === undefined || kept.has(path)) continue;
    kept.set(path, source);
    for (const [, target = ''] of source.matchAll(/ from "(\.[^"]+)";$/gm)) {
      const module = posix.join(posix.dirname(path), target);
      queue.push(module, module.replace(/\.js$/, '.d.ts'));
    }
  }
  return new Map([...kept].sort());
}

function compare(generated: Files, committed: Files): string[] {
  return [...new Set([...generated.keys(), ...committed.keys()])].sort().flatMap((path) => {
    if (!committed.has(path)) return [`missing  ${path}`];
    if (!generated.has(path)) return [`stale    ${path}`];
    return generated.get(path) === committed.get(path) ? [] : [`differs  ${path}`];
  });
}

function write(generated: Files, drift: readonly string[]): void {
  for (const line of drift) {
    const path = line.slice(9);
    const source = generated.get(path);
    if (source === undefined) {
      rmSync(join(ROOT, path));
    } else {
      mkdirSync(dirname(join(ROOT, path)), { recursive: true });
      writeFileSync(join(ROOT, path), source);
    }
  }
}

function main(check: boolean): void {
  const generated = generate();
  const drift = compare(generated, new Map(OUTPUTS.flatMap((one) => [...readFolder(ROOT, one)])));
  for (const line of drift) console.log(line);
  if (!check) {
    write(generated, drift);
    console.log(`${generated.size} files, ${drift.length} written or removed`);
  } else if (drift.length > 0) {
    throw new Error(`what is generated does not follow proto/ in ${drift.length} places: run \`npm run gen\``);
  } else {
    console.log(`${generated.size} files follow proto/`);
  }
}

try {
  main(process.argv.includes('--check'));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

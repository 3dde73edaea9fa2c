import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { writeImportedProtos } from '../../scripts/imported-protos.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const MESH_FOLDER = 'charts/service/files/mesh';

export interface MeshMethod {
  readonly name: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly callers: readonly string[];
  readonly users: boolean;
}

/** A file of `charts/service/files/mesh`, read. */
export interface Intent {
  readonly service: string;
  readonly calls: readonly string[];
  readonly callers: readonly string[];
  readonly grpc: readonly {
    readonly service: string;
    readonly shared: boolean;
    readonly methods: readonly MeshMethod[];
  }[];
}

/** A change of one contract: in this file of proto/weft, this text becomes that. */
export interface Edit {
  readonly file: string;
  readonly from: string | RegExp;
  readonly to: string;
}

export interface Generated {
  /** Text by path from the repository's root. */
  readonly files: ReadonlyMap<string, string>;
  /** What the generator said when it refused. */
  readonly refusal: string;
}

/** Runs our generator on a copy of the contracts, with some of them changed. Throws where an edit changes nothing. */
export function generate(...edits: readonly Edit[]): Generated {
  const base = mkdtempSync(join(tmpdir(), 'weft-mesh-'));
  try {
    cpSync(join(ROOT, 'proto'), join(base, 'proto'), { recursive: true });
    copyFileSync(join(ROOT, 'buf.yaml'), join(base, 'buf.yaml'));
    for (const { file, from, to } of edits) {
      const path = join(base, 'proto/weft', file);
      const before = readFileSync(path, 'utf8');
      const after = before.replace(from, to);
      if (after === before) throw new Error(`${file} has no ${from}`);
      writeFileSync(path, after);
    }
    mkdirSync(join(base, '.cache/proto'), { recursive: true });
    writeImportedProtos(base);
    const plugin = { local: ['node', join(ROOT, 'kit/src/codegen/protoc-gen-weft.ts')], out: '.', strategy: 'all' };
    const template = JSON.stringify({ version: 'v2', plugins: [{ ...plugin, opt: ['edge=gateway'] }] });
    const buf = join(ROOT, 'node_modules/@bufbuild/buf/bin/buf');
    const output = join(base, 'out');
    const run = spawnSync(process.execPath, [buf, 'generate', '--template', template, '--output', output], {
      cwd: base,
      encoding: 'utf8',
      env: { ...process.env, BUF_CACHE_DIR: join(base, 'cache') },
    });
    const paths = run.status === 0 ? globSync(`${MESH_FOLDER}/*.yaml`, { cwd: output }) : [];
    return {
      files: new Map(paths.sort().map((path) => [path, readFileSync(join(output, path), 'utf8')])),
      refusal: run.status === 0 ? '' : run.stderr,
    };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** What the contracts as they are say, by service. */
export function committedIntents(): ReadonlyMap<string, Intent> {
  return intentsOf(
    new Map(
      globSync(`${MESH_FOLDER}/*.yaml`, { cwd: ROOT }).map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]),
    ),
  );
}

export function intentsOf(files: ReadonlyMap<string, string>): ReadonlyMap<string, Intent> {
  return new Map([...files.values()].map((text) => parse(text) as Intent).map((intent) => [intent.service, intent]));
}

export const methodsOf = (intent: Intent | undefined): readonly MeshMethod[] =>
  (intent?.grpc ?? []).flatMap(({ methods }) => methods);

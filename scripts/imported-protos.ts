import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { file_buf_validate_validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { printProto } from './print-proto.ts';

const ROOT = join(import.meta.dirname, '..');
const GOOGLE = join(ROOT, 'node_modules/google-proto-files');
const HEALTH = 'grpc/health/v1/health.proto';

// What the error codec packs into a status, and what every server serves; no contract of ours imports them.
const OF_THE_KIT = ['google/rpc/status.proto', 'google/rpc/error_details.proto', HEALTH];

/**
 * Writes the `.proto` files that the contracts in `<base>/proto` import, and what those import in turn, to
 * `<base>/.cache/proto`, where `buf.yaml` expects them: `google/*` and gRPC health copied from npm, `buf/validate` printed from the
 * descriptor that its run time ships. Well-known types are left to buf. Throws when a file is in none of the three.
 */
export function writeImportedProtos(base: string = ROOT): void {
  const target = join(base, '.cache/proto');
  const contracts = join(base, 'proto');
  const sources = new Map<string, string>();
  const ours = globSync('**/*.proto', { cwd: contracts });
  const queue = [...OF_THE_KIT, ...ours.flatMap((path) => importsOf(readFileSync(join(contracts, path), 'utf8')))];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (path.startsWith('weft/') || path.startsWith('google/protobuf/') || sources.has(path)) continue;
    const source = readImported(path);
    sources.set(path, source);
    queue.push(...importsOf(source));
  }
  for (const stale of globSync('**/*.proto', { cwd: target })) {
    if (!sources.has(stale.replaceAll('\\', '/'))) rmSync(join(target, stale));
  }
  for (const [path, source] of sources) writeIfChanged(join(target, path), source);
}

function readImported(path: string): string {
  if (path === file_buf_validate_validate.proto.name) return printProto(file_buf_validate_validate.proto);
  if (path === HEALTH)
    return readFileSync(join(ROOT, 'node_modules/grpc-health-check/proto/health/v1/health.proto'), 'utf8');
  if (path.startsWith('google/')) return readFileSync(join(GOOGLE, path), 'utf8');
  throw new Error(`${path}: a contract imports it, but it is neither ours nor of google/ or buf/validate`);
}

function importsOf(source: string): string[] {
  return [...source.matchAll(/^\s*import\s+(?:public\s+|weak\s+)?"([^"]+)"\s*;/gm)].flatMap((match) => match[1] ?? []);
}

function writeIfChanged(path: string, source: string): void {
  try {
    if (readFileSync(path, 'utf8') === source) return;
  } catch {
    mkdirSync(dirname(path), { recursive: true });
  }
  writeFileSync(path, source);
}

if (import.meta.main) writeImportedProtos();

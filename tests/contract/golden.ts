import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescMessage, toBinary, toJson } from '@bufbuild/protobuf';
import { messages } from './contracts.ts';
import { sample } from './sample.ts';

export const GOLDEN = join(import.meta.dirname, 'golden');

/** Full names of the messages that have a golden file. */
export function goldenNames(): string[] {
  return globSync('*.json', { cwd: GOLDEN }).map((path) => path.replace(/\.json$/, ''));
}

/** What a message's golden file holds: the sample's bytes and its ProtoJSON. */
export function renderGolden(desc: DescMessage): string {
  const message = sample(desc);
  const golden = { hex: Buffer.from(toBinary(desc, message)).toString('hex'), json: toJson(desc, message) };
  return `${JSON.stringify(golden, null, 2)}\n`;
}

if (import.meta.main) {
  mkdirSync(GOLDEN, { recursive: true });
  const names = new Set(messages.map((desc) => desc.typeName));
  for (const stale of goldenNames().filter((name) => !names.has(name))) rmSync(join(GOLDEN, `${stale}.json`));
  for (const desc of messages) writeFileSync(join(GOLDEN, `${desc.typeName}.json`), renderGolden(desc));
  console.log(`${names.size} golden files`);
}

import { AsyncResource } from 'node:async_hooks';
import { setTimeout } from 'node:timers/promises';
import { releaseCalls } from '../../src/rpc/release-calls.ts';

// Says how many of fifty megabytes are still held after a collection of what is young. Started with --expose-gc: under a test runner
// hooks of its own hold them as well.

const MEGABYTE = 2 ** 20;
const collect = globalThis.gc as NodeJS.GCFunction;

function bindOne(): void {
  const held = Buffer.alloc(MEGABYTE);
  new AsyncResource('TEST').bind(() => held.length)();
}

if (process.argv[2] === 'released') releaseCalls();
collect();
const before = process.memoryUsage().arrayBuffers;
const left = () => Math.round((process.memoryUsage().arrayBuffers - before) / MEGABYTE);
for (let i = 0; i < 50; i++) bindOne();
// What is collected is freed beside, and counted then.
for (let turn = 0; turn < 20 && left() > 0; turn++) {
  collect({ type: 'minor' });
  await setTimeout(10);
}
console.log(left());

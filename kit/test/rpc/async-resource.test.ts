import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { bindLightly } from '../../src/rpc/async-resource.ts';

const HELD = fileURLToPath(new URL('./held-by-bound.ts', import.meta.url));

describe('what an asynchronous resource binds', () => {
  beforeAll(bindLightly);

  it('runs in the context of its resource, with its arguments, and gives what the function gives', () => {
    const storage = new AsyncLocalStorage<string>();
    const resource = storage.run('there', () => new AsyncResource('TEST'));
    const bound = resource.bind((one: number, other: number) => [storage.getStore(), one + other]);
    expect(bound(1, 2)).toEqual(['there', 3]);
  });

  it('has the receiver that it is called on, or the one that it was given', () => {
    const name = function (this: { name: string }) {
      return this.name;
    };
    const resource = new AsyncResource('TEST');
    const bind = resource.bind as (work: typeof name, receiver?: object) => typeof name;
    expect(bind.call(resource, name).call({ name: 'called' })).toBe('called');
    expect(bind.call(resource, name, { name: 'given' }).call({ name: 'called' })).toBe('given');
  });

  it('goes with the next collection of what is young', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', HELD, 'lightly']);
    expect(Number(stdout)).toBeLessThan(10);
  });
});

import { join } from 'node:path';
import type { RoleName } from '@weft/kit/rpc';
import { type Booted, type BootedProcesses, boot, bootProcesses, freePort } from '@weft/kit/testing';
import { gateway } from '../src/module.ts';
import { ALICE, type StubHandlers, serveStubs } from './stubs.ts';

export type Edge = Awaited<ReturnType<typeof openEdge>>;

export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it expects
  readonly json: any;
  readonly text: string;
}

type Environment = Readonly<Record<string, string>>;

/** A gateway, as real as it is, before stand-ins for the services. */
export const openEdge = (handlers: StubHandlers, env: Environment = {}) =>
  open(handlers, (targets) => boot([gateway], { targets, env: { SHED_DELAY_MS: '0', ...env } }));

/** The same in a process of its own: what is asked of it keeps nobody here from looking on. */
export const openEdgeApart = (handlers: StubHandlers, env: Environment = {}) =>
  open(handlers, (targets) => {
    const main = join(import.meta.dirname, '../src/main.ts');
    return bootProcesses([{ services: [gateway.name], main }], { targets, env });
  });

async function open<B extends Booted | BootedProcesses>(
  handlers: StubHandlers,
  start: (targets: Environment) => Promise<B>,
) {
  const stubs = await serveStubs(handlers);
  const nowhere = await freePort();
  const booted = await start({
    ...Object.fromEntries(gateway.needs.map((name) => [name, `127.0.0.1:${nowhere}`])),
    ...stubs.targets,
  });
  const http = booted.http('gateway');
  const token = (id = ALICE, ...roles: RoleName[]) =>
    booted.token({ id, roles: roles.length === 0 ? ['customer'] : roles });
  return {
    booted,
    stubs,
    http,
    h2c: `http://${booted.target('gateway')}`,
    token,
    async send(path: string, init: RequestInit & { readonly as?: string } = {}): Promise<Sent> {
      const { as, ...rest } = init;
      const headers = new Headers(rest.headers);
      if (as !== undefined) headers.set('authorization', `Bearer ${as}`);
      if (rest.body && !headers.has('content-type')) headers.set('content-type', 'application/json');
      const response = await fetch(`${http}${path}`, { ...rest, headers });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
      return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
    },
    async stop() {
      await booted.stop();
      await stubs.stop();
    },
  };
}

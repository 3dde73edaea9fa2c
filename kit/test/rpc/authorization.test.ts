import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { method as methodPolicy, Role } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { serveService } from '@weft/kit/rpc';
import { some } from '@weft/kit/testing';
import { contracts } from './contracts.ts';
import { type Issuer, openIssuer } from './issuer.ts';
import { rawClient } from './raw-call.ts';
import { stage } from './stage.ts';

const { serve, after } = stage();
let issuer: Issuer;
beforeAll(async () => {
  issuer = await openIssuer();
});
afterAll(() => issuer.close());

const REFUSED: readonly number[] = [status.UNAUTHENTICATED, status.PERMISSION_DENIED];
const ROLES = { customer: Role.CUSTOMER, support: Role.SUPPORT, admin: Role.ADMIN };
const SERVICES = ['users', 'catalog', 'inventory', 'orders', 'checkout', 'payments', 'intruder'];

async function everyService() {
  const bindings = contracts.map(({ generated, descriptor }) =>
    serveService(generated, descriptor, some(generated, {})),
  );
  const { target } = await serve(bindings, { jwksUrl: issuer.url });
  const raw = rawClient(target);
  after(() => raw.close());
  /** The code with which an empty request ends: one of an admitted call is refused by the rules, or by the handler. */
  return async (method: DescMethod, headers: Readonly<Record<string, string>>) => {
    const path = `/${method.parent.typeName}/${method.name}`;
    const send = method.methodKind === 'unary' ? raw.unary : raw.stream;
    return (await send(path, Buffer.alloc(0), headers)).error?.code ?? status.OK;
  };
}

const methods = contracts.flatMap(({ descriptor }) => descriptor.methods);
const named = (name: string) => methods.find((method) => `${method.parent.name}/${method.name}` === name) as DescMethod;

describe('a method', () => {
  it('admits the roles that its contract names, and no other', async () => {
    const code = await everyService();
    const wrong: string[] = [];
    for (const [name, role] of Object.entries(ROLES)) {
      const authorization = `Bearer ${await issuer.token([name])}`;
      const ended = await Promise.all(
        methods.map(async (method) => [method, await code(method, { authorization })] as const),
      );
      for (const [method, answer] of ended) {
        const { roles } = getOption(method, methodPolicy);
        const expected = roles.includes(Role.PUBLIC) || roles.includes(role);
        if (expected === REFUSED.includes(answer)) wrong.push(`${method.name} to ${name}: ${status[answer]}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('admits the services that its contract names, and no other', async () => {
    const code = await everyService();
    const wrong: string[] = [];
    for (const caller of SERVICES) {
      const ended = await Promise.all(
        methods.map(async (method) => [method, await code(method, { 'weft-caller': caller })] as const),
      );
      for (const [method, answer] of ended) {
        const { roles, callers } = getOption(method, methodPolicy);
        const expected = roles.includes(Role.PUBLIC) || callers.includes(caller);
        if (expected === REFUSED.includes(answer)) wrong.push(`${method.name} to ${caller}: ${status[answer]}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ['UsersService/Login', 'nobody', 'INVALID_ARGUMENT'],
    ['UsersService/GetUser', 'nobody', 'UNAUTHENTICATED'],
    ['UsersService/GetUser', 'customer', 'INVALID_ARGUMENT'],
    ['UsersService/ListUsers', 'customer', 'PERMISSION_DENIED'],
    ['UsersService/ListUsers', 'support', 'INTERNAL'],
    ['InventoryService/SetStock', 'support', 'PERMISSION_DENIED'],
    ['InventoryService/SetStock', 'admin', 'INVALID_ARGUMENT'],
    ['InventoryService/Reserve', 'nobody', 'PERMISSION_DENIED'],
    ['InventoryService/Reserve', 'admin', 'PERMISSION_DENIED'],
    ['OrdersService/WatchOrder', 'nobody', 'UNAUTHENTICATED'],
    ['OrdersService/WatchOrder', 'customer', 'INVALID_ARGUMENT'],
  ])('%s ends for %s with %s', async (name, who, expected) => {
    const code = await everyService();
    const headers = who === 'nobody' ? {} : { authorization: `Bearer ${await issuer.token([who])}` };
    expect(status[await code(named(name), headers)]).toBe(expected);
  });

  it.each([
    ['checkout', 'INVALID_ARGUMENT'],
    ['orders', 'PERMISSION_DENIED'],
    ['checkout, admin', 'PERMISSION_DENIED'],
    ['Checkout', 'PERMISSION_DENIED'],
  ])('for services only ends for %s with %s', async (caller, expected) => {
    const code = await everyService();
    expect(status[await code(named('InventoryService/Reserve'), { 'weft-caller': caller })]).toBe(expected);
  });

  it('says who may come before it says what is wrong with the request', async () => {
    const code = await everyService();
    const guarded = methods.filter((method) => !getOption(method, methodPolicy).roles.includes(Role.PUBLIC));
    const ended = await Promise.all(guarded.map((method) => code(method, {})));
    expect(new Set(ended)).toEqual(new Set(REFUSED));
  });
});

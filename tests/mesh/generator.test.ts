import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { committedIntents, generate, intentsOf, MESH_FOLDER, methodsOf, ROOT } from './generate.ts';

const committed = committedIntents();
const ORDERS = 'orders/v1/orders.proto';
const method = (intents: ReturnType<typeof committedIntents>, service: string, name: string) =>
  methodsOf(intents.get(service)).find((one) => one.name === name);
/** The options of PlaceOrder, up to its timeout. */
const placeOrder = /(rpc PlaceOrder[\s\S]*?timeout: \{)seconds: 5(\}\s+)/;

describe('what the mesh is told', () => {
  it('follows the contracts', () => {
    const { files, refusal } = generate();
    expect(refusal).toBe('');
    expect([...files.keys()]).toEqual(globSync(`${MESH_FOLDER}/*.yaml`, { cwd: ROOT }).sort());
    for (const [path, text] of files) expect(text).toBe(readFileSync(join(ROOT, path), 'utf8'));
  });

  it('changes with a timeout, a caller and an idempotency level', () => {
    const { files } = generate(
      { file: ORDERS, from: placeOrder, to: '$1seconds: 7 nanos: 500000000$2callers: ["shipping"]\n      ' },
      {
        file: ORDERS,
        from: 'rpc PlaceOrder(PlaceOrderRequest) returns (PlaceOrderResponse) {\n    option idempotency_level = IDEMPOTENT;',
        to: 'rpc PlaceOrder(PlaceOrderRequest) returns (PlaceOrderResponse) {',
      },
    );
    expect(method(intentsOf(files), 'orders', 'PlaceOrder')).toEqual({
      ...method(committed, 'orders', 'PlaceOrder'),
      timeoutMs: 7500,
      callers: ['shipping'],
      retries: 0,
    });
  });

  it('says who calls whom as soon as a contract admits it', () => {
    const { files } = generate({ file: ORDERS, from: placeOrder, to: '$1seconds: 5$2callers: ["payments"]\n      ' });
    const intents = intentsOf(files);
    expect(committed.get('payments')?.calls).toEqual([]);
    expect(intents.get('payments')?.calls).toEqual(['orders']);
    expect(intents.get('orders')?.callers).toEqual(['checkout', 'gateway', 'payments', 'shipping']);
  });

  it('is refused when a contract admits a service that there is not', () => {
    const { refusal } = generate({
      file: ORDERS,
      from: placeOrder,
      to: '$1seconds: 5$2callers: ["warehouse"]\n      ',
    });
    expect(refusal).toContain('callers of orders that are no services: warehouse');
  });

  it('is refused when a method does not say how long it may take', () => {
    const { refusal } = generate({ file: ORDERS, from: placeOrder, to: '$1$2' });
    expect(refusal).toContain('weft.orders.v1.OrdersService/PlaceOrder: timeout is not set');
  });

  it('gives streams no time, repeats nothing that may not be repeated, and has event operations everywhere', () => {
    for (const intent of committed.values()) {
      const shared = intent.grpc.filter((one) => one.shared).map((one) => one.service);
      // The edge serves nothing of its own.
      const expected = intent.service === 'gateway' ? [] : ['weft.events.v1.EventOperationsService'];
      expect([intent.service, shared]).toEqual([intent.service, expected]);
    }
    expect(method(committed, 'orders', 'WatchOrder')).toMatchObject({ timeoutMs: 0, retries: 0, users: true });
    expect(method(committed, 'users', 'Register')).toMatchObject({ timeoutMs: 5000, retries: 0 });
    expect(method(committed, 'checkout', 'GetSaga')).toMatchObject({ retries: 2, callers: [] });
    expect(method(committed, 'inventory', 'Reserve')).toMatchObject({ callers: ['checkout'], users: false });
  });
});

describe('a service', () => {
  it.each(services.filter(({ spec }) => committed.get(spec.name)?.calls).map(({ spec }) => spec))(
    'calls those that admit it, and no others: $name',
    ({ name, needs }) => {
      // Through the edge end users come in: it calls whatever is for them.
      if (name !== 'gateway') expect([...needs].sort()).toEqual(committed.get(name)?.calls);
    },
  );

  it('calls no method that does not admit it: on a laptop an end user’s token might do, in the mesh it does not', () => {
    const refused: string[] = [];
    let calls = 0;
    for (const path of globSync('services/*/src/clients/*.ts', { cwd: ROOT })) {
      const [, service = ''] = path.split('/');
      const source = readFileSync(join(ROOT, path), 'utf8');
      for (const [, variable, target = ''] of source.matchAll(/const (\w+) = client\('([a-z]+)'/g)) {
        for (const [, called = ''] of source.matchAll(new RegExp(`\\b${variable}\\.(\\w+)\\(\\{`, 'g'))) {
          calls++;
          const name = called.charAt(0).toUpperCase() + called.slice(1);
          if (service !== 'gateway' && !method(committed, target, name)?.callers.includes(service))
            refused.push(`${service} calls ${target} ${name}`);
        }
      }
    }
    expect(refused).toEqual([]);
    expect(calls).toBeGreaterThan(15);
  });
});

import { type DescService, getOption } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { BadRequest } from '@weft/gen/grpc/google/rpc/error_details';
import { Status } from '@weft/gen/grpc/google/rpc/status';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { status } from '@weft/kit/rpc';
import fc from 'fast-check';
import { services as contracts } from '../contract/contracts.ts';
import { openShop, orderOf, type Shop } from '../flows/shop.ts';
import { type Answer, rawClient } from './raw-client.ts';
import { arbitraryRequest, type FuzzRequest, type KnownTexts, readable, SECRET_MARK } from './requests.ts';

/** Requests for each service: 10,000 in CI, fewer where somebody waits for them. */
const REQUESTS = Number(process.env.WEFT_FUZZ ?? (process.env.CI ? 10_000 : 1000));
const SEED = Number(process.env.WEFT_FUZZ_SEED ?? 20261121);
const IN_FLIGHT = 24;
// Longer than any method may take; who hits it hangs.
const PATIENCE_MS = 20_000;

/** What every service serves beside its own contract is asked of one of them. */
const SERVER_OF: Readonly<Record<string, string>> = { events: 'checkout' };
const SERVICES = contracts.map((service) => {
  const name = service.typeName.split('.')[1] ?? '';
  return [SERVER_OF[name] ?? name, service] as const;
});

let shop: Shop;
let known: KnownTexts;
let headers: Readonly<Record<string, string>>;

beforeAll(async () => {
  shop = await openShop('all');
  const users = await shop.booted.client(UsersServiceService, UsersService);
  const { accessToken } = await users.login({ email: 'admin@weft.example', password: 'admin-of-the-test' });
  // An administrator whom checkout calls for: nearly every method is admitted, so that requests are read to their end.
  headers = { authorization: `Bearer ${accessToken}`, 'weft-caller': 'checkout' };
  known = await knownTexts();
}, 60_000);
afterAll(() => shop?.booted.stop());

/** Ids of what is there, so that requests find something. */
async function knownTexts(): Promise<KnownTexts> {
  const buyer = await shop.customer();
  const products = await Promise.all([shop.product(), shop.product({ stock: 0n })]);
  const { order } = await buyer.orders.placeOrder(orderOf(products[0] ?? ''));
  const orderId = order?.orderId ?? '';
  await shop.ended(orderId);
  const ids = [orderId];
  return {
    product_id: products,
    stock_code: products,
    order_id: ids,
    payment_id: ids,
    reservation_id: ids,
    shipment_id: ids,
    saga_id: ids,
    customer_id: [buyer.id],
    user_id: [buyer.id],
    idempotency_key: ['the-same-key'],
    consumer: ['checkout.orders'],
  };
}

/** What is wrong with an answer; undefined when nothing is. */
function complaint(request: FuzzRequest, { error }: Answer, ms: number): string | undefined {
  const code = error?.code ?? status.OK;
  const timeout = getOption(request.method, methodPolicy).timeout;
  if (timeout && ms > Number(timeout.seconds) * 1000 + 5000) return `took ${Math.round(ms)} ms`;
  const signsIn = code === status.UNAUTHENTICATED && WITH_CREDENTIALS.includes(request.method.name);
  if (FORBIDDEN.includes(code) && !signsIn) return `ended with ${status[code]}: ${error?.details}`;
  if (code === status.INVALID_ARGUMENT) {
    const fields = violationsOf(error);
    if (fields.length === 0) return 'was refused without a field';
    const named = request.refusedFor;
    if (named !== undefined && !fields.some((field) => field.startsWith(named)))
      return `was refused for ${fields}, not for ${named}`;
    return undefined;
  }
  if (request.refusedFor !== undefined && code !== status.RESOURCE_EXHAUSTED) return `was not refused: ${status[code]}`;
  if (code === status.UNAVAILABLE && !/(provider|carrier) did not answer/.test(error?.details ?? ''))
    return `was UNAVAILABLE: ${error?.details}`;
  return undefined;
}

// What they refuse is what came with the request, not who sent it.
const WITH_CREDENTIALS: readonly string[] = ['Login', 'RefreshToken', 'ChangePassword'];

const FORBIDDEN: readonly number[] = [
  status.INTERNAL,
  status.UNKNOWN,
  status.DATA_LOSS,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
];

function violationsOf(error: Answer['error']): string[] {
  const [encoded] = error?.metadata.get('grpc-status-details-bin') ?? [];
  if (!(encoded instanceof Buffer)) return [];
  const { details } = Status.decode(encoded);
  return details
    .filter(({ typeUrl }) => typeUrl.endsWith('google.rpc.BadRequest'))
    .flatMap(({ value }) => BadRequest.decode(value).fieldViolations)
    .filter(({ reason, description }) => reason !== '' && description !== '')
    .map(({ field }) => field);
}

// Of every refusal grpc-js reads the stack, which Jest maps back to its sources: four fifths of the time.
async function withoutStacks<T>(work: () => Promise<T>): Promise<T> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function fuzz(name: string, service: DescService) {
  const client = rawClient(shop.booted.target(name));
  const requests = fc.sample(arbitraryRequest(service.methods, known), { seed: SEED, numRuns: REQUESTS });
  const complaints: string[] = [];
  const ended: Record<string, number> = {};
  const queue = requests.values();
  const worker = async () => {
    for (const request of queue) {
      const { method, bytes, kind } = request;
      const path = `/${service.typeName}/${method.name}`;
      const began = performance.now();
      const answer =
        method.methodKind === 'unary'
          ? await client.unary(path, bytes, headers, PATIENCE_MS)
          : await client.firstOf(path, bytes, headers, PATIENCE_MS);
      const wrong = complaint(request, answer, performance.now() - began);
      if (wrong) complaints.push(`${method.name}, ${kind}: ${wrong} (${readable(request)})`);
      const outcome = `${method.name} ${status[answer.error?.code ?? 0]}`;
      ended[outcome] = (ended[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  client.close();
  return { complaints, ended };
}

describe(`${REQUESTS} requests with seed ${SEED}`, () => {
  it.each(SERVICES)(
    'to %s are answered in time, and refused with the field when they are wrong',
    async (name, service) => {
      const { complaints, ended } = await withoutStacks(() => fuzz(name, service));
      if (process.env.WEFT_FUZZ_REPORT) console.log(ended);
      expect(complaints.slice(0, 20)).toEqual([]);
      // Every method was reached past its rules, or this says little.
      const reached = service.methods.filter(({ name: method }) =>
        Object.keys(ended).some(
          (outcome) => outcome.startsWith(`${method} `) && !outcome.endsWith(' INVALID_ARGUMENT'),
        ),
      );
      expect(reached.map(({ name: method }) => method)).toEqual(service.methods.map(({ name: method }) => method));
    },
    300_000,
  );
});

describe('a system that was sent nonsense', () => {
  it('has failed in no call, and said nothing of what the contract redacts', () => {
    const { logs } = shop.booted;
    expect(logs.filter(({ msg }) => msg === 'call failed').slice(0, 5)).toEqual([]);
    const told = logs.filter((line) => JSON.stringify(line).includes(SECRET_MARK));
    expect(told.slice(0, 5)).toEqual([]);
  });

  it('is ready, and takes a normal order to its end', async () => {
    const response = await fetch(`${shop.booted.ops('users')}/readyz`);
    expect(response.status).toBe(200);
    const buyer = await shop.customer();
    const { order } = await buyer.orders.placeOrder(orderOf(await shop.product({ price: 250n }), 2n));
    const ended = await shop.ended(order?.orderId ?? '');
    expect(ended).toMatchObject({ status: OrderStatus.ORDER_STATUS_COMPLETED, total: { minorUnits: 500n } });
    const found = await buyer.catalog.searchProducts({ query: 'lantern', pageSize: 0, pageToken: '' });
    expect(found.products.length).toBeGreaterThan(0);
  });
});

import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { status } from '@grpc/grpc-js';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { SigningKeyState } from '@weft/gen/grpc/weft/users/v1/users';
import { RemoteError } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { clientsAt, orderOf } from '../flows/shop.ts';
import type { Cluster } from './cluster.ts';
import { changeValues } from './install.ts';
import { askByRest, restCustomer } from './rest.ts';
import type { Part } from './whole.ts';

const CHECKED = ['orders', 'gateway'];
const TOLD_MS = 30_000;
/** A new key waits five minutes until it signs. */
const ROTATION_MS = 420_000;
const NOBODYS = '00000000-0000-4000-8000-000000000000';

interface Deployments {
  readonly items: readonly {
    readonly spec: {
      readonly template: {
        readonly spec: { readonly containers: readonly { readonly env?: readonly { name: string }[] }[] };
      };
    };
  }[];
}

/** istiod leaves it to the proxies to fetch keys: it cannot itself where it is not in the mesh. */
async function proxiesFetchKeys(cluster: Cluster): Promise<boolean> {
  const { items } = await cluster.get<Deployments>('deployment', '-n', 'istio-system', '-l', 'app=istiod');
  const containers = items.flatMap(({ spec }) => spec.template.spec.containers);
  return containers.some(({ env = [] }) => env.some(({ name }) => name === 'PILOT_JWT_ENABLE_REMOTE_JWKS'));
}

async function checkTokens(cluster: Cluster, wanted: boolean): Promise<void> {
  const values = CHECKED.map((name) => [`${name}.mesh.requestAuthentication`, String(wanted)]);
  await changeValues(cluster, Object.fromEntries(values));
}

/** Access tokens, which the proxies check as well. */
export const tokens: Part = (system) => {
  it('has proxies refuse forged tokens, by keys that they fetch themselves, also after a rotation', async (test: TestContext) => {
    const { cluster, ingress, login, customer, product, ended } = system();
    if (!(await proxiesFetchKeys(cluster))) return test.skip('istiod is without PILOT_JWT_ENABLE_REMOTE_JWKS');
    const at = (token: string) => clientsAt(() => ingress, token, false);
    const signedIn = async () => at((await (await clientsAt(() => ingress)).users.login(login)).accessToken);
    const buy = async () => {
      const buyer = await customer();
      const { order } = await buyer.orders.placeOrder(orderOf(await product({}), 1n));
      assert.equal((await ended(order?.orderId ?? '', 60_000)).status, OrderStatus.ORDER_STATUS_COMPLETED);
      return buyer.token;
    };
    const rest = `http://${ingress}`;
    const buyByRest = async () => {
      const buyer = await restCustomer(rest);
      const orderId = await buyer.place(await product({}));
      assert.equal((await ended(orderId, 60_000)).status, OrderStatus.ORDER_STATUS_COMPLETED);
      return buyer.token;
    };
    await checkTokens(cluster, true);
    try {
      const good = await buy();
      const [head, claims, signature = ''] = good.split('.');
      const forgery = [head, claims, [...signature].reverse().join('')].join('.');
      const forged = await at(forgery);
      await eventually(async () => {
        const refusal: unknown = await forged.orders.getOrder({ orderId: NOBODYS }).catch((error: unknown) => error);
        assert.ok(refusal instanceof RemoteError && refusal.code === status.UNAUTHENTICATED, String(refusal));
        // A service would have said TOKEN_INVALID: no request has reached one.
        assert.equal(refusal.reason, 'UNAUTHENTICATED');
      }, TOLD_MS);
      await eventually(async () => {
        const refused = await askByRest(rest, `orders/${NOBODYS}`, { token: forgery });
        assert.equal(refused.status, 401);
        // The gateway would have answered with a problem: no request has reached it.
        assert.doesNotMatch(refused.headers.get('content-type') ?? '', /problem/);
      }, TOLD_MS);
      await buy();
      await buyByRest();

      const { signingKey } = await (await signedIn()).users.rotateSigningKey({});
      await eventually(async () => {
        const { signingKeys } = await (await signedIn()).users.listSigningKeys({});
        const next = signingKeys.find(({ keyId }) => keyId === signingKey?.keyId);
        assert.equal(next?.state, SigningKeyState.SIGNING_KEY_STATE_CURRENT);
      }, ROTATION_MS);
      for (const token of [await buy(), await buyByRest()]) {
        const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
        assert.equal(kid, signingKey?.keyId);
      }
    } finally {
      await checkTokens(cluster, false);
    }
  });
};

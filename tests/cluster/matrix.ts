import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { services } from '@weft/all/services';
import { eachBounded } from '../../clients/cli/src/system/bounded.ts';
import { rawClient } from '../../kit/test/rpc/raw-call.ts';
import { committedIntents, methodsOf } from '../mesh/generate.ts';
import { figure } from './figures.ts';
import { probe } from './script-pod.ts';
import type { Part } from './whole.ts';

const EDGE = 'gateway';
const STRANGER = 'mesh-stranger';
/** Of services it admits this one alone. */
const GET_STOCK = '/weft.inventory.v1.InventoryService/GetStock';
const ADMITTED = 'catalog';
/** Pods that start together. */
const AT_ONCE = 3;
const POLICY = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'mesh-test' },
  spec: {
    podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'weft' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: { matchLabels: { 'weft.dev/test': 'mesh' } } }], ports: [{ port: 50051 }] }],
  },
};

/** Who may call what: each method of each service, from each service account. */
export const matrix: Part = (system) => {
  const names = services.map(({ spec }) => spec.name);
  const intents = committedIntents();
  const paths = names.flatMap((service) => methodsOf(intents.get(service)).map((method) => ({ service, ...method })));
  describe('the authorization matrix', { concurrency: false }, () => {
    // On a cluster that enforces NetworkPolicies it is the mesh that is asked.
    before(async () => {
      await system().cluster.kubectl(['apply', '-f', '-'], JSON.stringify(POLICY));
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: STRANGER } };
      await system().cluster.kubectl(['apply', '-f', '-'], JSON.stringify(account));
    });
    after(async () => {
      const { cluster } = system();
      await cluster.kubectl(['delete', 'networkpolicy', POLICY.metadata.name, '--ignore-not-found']);
      await cluster.kubectl(['delete', 'serviceaccount', STRANGER, '--ignore-not-found']);
    });

    it('admits to each method the service accounts that its contract names, and no other', async () => {
      const { cluster } = system();
      const [pod] = await cluster.pods('orders');
      const image = pod?.spec.containers.find(({ name }) => name === 'orders')?.image ?? '';
      const wrong: string[] = [];
      let tried = 0;
      await eachBounded([...names, STRANGER], AT_ONCE, async (account) => {
        const steps = paths.map(({ service, path }) => ({ target: `${service}.${cluster.namespace}:50051`, path }));
        const answers = await probe(cluster, { name: `mesh-${account}`, account, image }, steps);
        for (const [index, { path, callers, users, service }] of paths.entries()) {
          const [answer] = answers[index] ?? [];
          const denied = answer?.code === status.PERMISSION_DENIED && answer.message.startsWith('RBAC');
          // Through the edge end users come in.
          const admitted = callers.includes(account) || (users && account === EDGE);
          if (denied === admitted || answer === undefined || answer.code === -1)
            wrong.push(`${account} to ${service} ${path}: ${answer?.code} ${answer?.message}`);
          tried++;
        }
      });
      assert.deepEqual(wrong, []);
      figure('caller and method, tried', `${tried}`);
    });

    /** What somebody sends who would be taken for the service that is admitted. */
    const forged = (namespace: string) => ({
      'weft-caller': ADMITTED,
      'x-forwarded-client-cert': `By=x;Hash=ab;Subject="";URI=spiffe://cluster.local/ns/${namespace}/sa/${ADMITTED}`,
    });

    it('believes no name and no certificate that somebody inside says of himself', async () => {
      const { cluster } = system();
      const [pod] = await cluster.pods('orders');
      const image = pod?.spec.containers.find(({ name }) => name === 'orders')?.image ?? '';
      const step = { target: `inventory.${cluster.namespace}:50051`, path: GET_STOCK };
      const codeFor = async (account: string, headers: Readonly<Record<string, string>>) => {
        const [[answer] = []] = await probe(cluster, { name: `mesh-${account}`, account, image }, [
          { ...step, headers },
        ]);
        return status[answer?.code ?? -1];
      };
      assert.equal(await codeFor(EDGE, forged(cluster.namespace)), 'UNAUTHENTICATED');
      assert.equal(await codeFor(ADMITTED, {}), 'INVALID_ARGUMENT', 'who is admitted gets further');
    });

    it('believes no name and no certificate that comes from outside', async () => {
      const raw = rawClient(system().ingress);
      try {
        const headers = forged(system().cluster.namespace);
        const { error } = await raw.unary(GET_STOCK, Buffer.alloc(0), headers);
        assert.equal(status[error?.code ?? 0], 'UNAUTHENTICATED', error?.details);
        const inside = await raw.unary('/weft.inventory.v1.InventoryService/Reserve', Buffer.alloc(0), headers);
        assert.equal(status[inside.error?.code ?? 0], 'UNIMPLEMENTED', 'a method without roles is not routed');
      } finally {
        raw.close();
      }
    });
  });
};

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it, type TestContext } from 'node:test';
import { services } from '@weft/all/services';
import { eventually } from '@weft/kit/testing';
import { type ReceivedSpan, spansIn } from '../flows/collector.ts';
import { documentedEdges, edgesOf, isProxy, labelOf, rootsOf, traceOf } from '../flows/order-trace.ts';
import { orderOf, STYLES, type Style, styled } from '../flows/shop.ts';
import type { Cluster } from './cluster.ts';
import { figure } from './figures.ts';
import { changeValues } from './install.ts';
import { dropNamespace, makeNamespace } from './namespaces.ts';
import { podReady, removePod, type ScriptPod, startPod } from './script-pod.ts';
import type { System } from './system.ts';
import type { Part } from './whole.ts';

/** As k8s/istio/istiod.yaml names it, and where it leads. */
const PROVIDER = 'otel-collector';
const NAMESPACE = 'observability';
const ENDPOINT = `http://${PROVIDER}.${NAMESPACE}:4318`;
const TOLD_MS = 90_000;
const METHOD = 'weft.orders.v1.OrdersService/PlaceOrder';

/** Why there can be no collector of the test's. */
async function whyNot(cluster: Cluster): Promise<string | undefined> {
  const { data } = await cluster.get<{ data: { mesh: string } }>('configmap', 'istio', '-n', 'istio-system');
  if (!data.mesh.includes(`name: ${PROVIDER}`)) return `istiod has no extension provider ${PROVIDER}`;
  const found = await cluster.kubectl(['get', 'namespace', NAMESPACE, '--ignore-not-found', '-o', 'name']);
  return found.trim() === '' ? undefined : `there is a namespace ${NAMESPACE}`;
}

async function startCollector(cluster: Cluster): Promise<ScriptPod> {
  const { items } = await cluster.get<{
    items: { spec: { template: { spec: { containers: { name: string; image: string }[] } } } }[];
  }>('deployment', '-l', 'app.kubernetes.io/name=orders');
  const image = items[0]?.spec.template.spec.containers.find(({ name }) => name === 'orders')?.image ?? '';
  const labels = { 'app.kubernetes.io/name': PROVIDER };
  const pod = { name: PROVIDER, namespace: NAMESPACE, account: 'default', image, script: 'collector.mjs', labels };
  await makeNamespace(cluster, NAMESPACE);
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: PROVIDER },
    spec: { selector: labels, ports: [{ name: 'otlp-http', port: 4318, appProtocol: 'http' }] },
  };
  await cluster.kubectl(['-n', NAMESPACE, 'create', '-f', '-'], JSON.stringify(service));
  await startPod(cluster, { ...pod, meshed: false });
  await podReady(cluster, pod);
  return pod;
}

/** Has services and proxies send every span there, or none. */
async function trace(cluster: Cluster, endpoint: string): Promise<void> {
  const values = services.flatMap(({ spec }) => [
    [`${spec.name}.tracing.endpoint`, endpoint],
    [`${spec.name}.mesh.tracingProvider`, PROVIDER],
  ]);
  await changeValues(cluster, Object.fromEntries(values));
}

/** Places an order by Connect, as a browser does, which is the gateway's. */
async function place({ ingress, customer, product }: System, style: Style): Promise<string> {
  const { token } = await customer();
  const request = styled(style, orderOf(await product({}), 1n));
  const lines = request.lines.map(({ productId, quantity }) => ({ productId, quantity: String(quantity) }));
  const answer = await fetch(`http://${ingress}/${METHOD}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...request, idempotencyKey: randomUUID(), lines }),
    signal: AbortSignal.timeout(10_000),
  });
  const said = (await answer.json()) as { order: { orderId: string } };
  assert.equal(answer.status, 200, JSON.stringify(said));
  return said.order.orderId;
}

/** Between who calls and who is called there are the proxies of both. */
function assertJoined(trace: readonly ReceivedSpan[]): void {
  const byId = new Map(trace.map((span) => [span.spanId, span]));
  for (const span of trace) {
    if (isProxy(span) || span.kind !== 2) continue;
    const inbound = byId.get(span.parentSpanId);
    assert.ok(inbound && isProxy(inbound), `${labelOf(span)} is not below its proxy`);
    const outbound = byId.get(inbound.parentSpanId);
    if (!outbound) continue;
    assert.ok(isProxy(outbound), `${labelOf(span)} is called past the proxy of who calls`);
    const caller = byId.get(outbound.parentSpanId);
    assert.ok(!caller || caller.kind === 3, `${labelOf(span)} is called by ${caller && labelOf(caller)}`);
  }
}

/** Spans of services and of proxies, at one collector. */
export const traces: Part = (system) => {
  it('has one trace of an order, from the gateway to the notification, with the spans of all proxies', async (test: TestContext) => {
    const { cluster, ended } = system();
    const why = await whyNot(cluster);
    if (why) return test.skip(why);
    const collector = await startCollector(cluster);
    try {
      await trace(cluster, ENDPOINT);
      for (const style of STYLES) {
        const orderId = await place(system(), style);
        await ended(orderId, 60_000);
        const whole = await eventually(async () => {
          const lines = (await cluster.kubectl(['-n', NAMESPACE, 'logs', PROVIDER])).trim().split('\n');
          return traceOf(
            orderId,
            lines.flatMap((line) => spansIn(Buffer.from(line, 'base64'))),
          );
        }, TOLD_MS);
        const proxied = whole.filter(isProxy).length;
        figure(`spans of an order, ${style}`, `${whole.length - proxied} of services, ${proxied} of proxies`);
        assert.equal(rootsOf(whole).length, 1, rootsOf(whole).map(labelOf).join());
        assertJoined(whole);
        assert.deepEqual(edgesOf(whole), [...(documentedEdges[style] ?? [])].sort());
      }
    } finally {
      await trace(cluster, '');
      await removePod(cluster, collector);
      await dropNamespace(cluster, NAMESPACE);
    }
  });
};

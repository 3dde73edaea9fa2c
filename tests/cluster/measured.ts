import assert from 'node:assert/strict';
import { it } from 'node:test';
import { services } from '@weft/all/services';
import { figure, spread } from './figures.ts';
import { secondsToReady } from './install.ts';
import { dropNamespace, makeNamespace } from './namespaces.ts';
import { seenBy } from './run.ts';
import { podReady, probe, removePod, type ScriptPod, startPod } from './script-pod.ts';
import type { Part } from './whole.ts';

const STARTS_EACH = 2;
const CALLS = 2000;
const PATH = '/weft.users.v1.UsersService/Login';

const quantile = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? Number.NaN;

/** Figures of a node that does nothing else. */
export const measured: Part = (system) => {
  it('tells how long a pod takes until it is ready', async () => {
    const { cluster } = system();
    const seconds: number[] = [];
    for (const { spec } of services) {
      const deployment = `deployment/${spec.name}`;
      const before = (await cluster.pods(spec.name)).map(({ metadata }) => metadata.name);
      for (let more = 1; more <= STARTS_EACH; more++) {
        await cluster.kubectl(['scale', deployment, `--replicas=${before.length + more}`]);
        await cluster.kubectl(['rollout', 'status', deployment, '--timeout=290s'], '', 300_000);
      }
      const started = (await cluster.pods(spec.name)).filter(({ metadata }) => !before.includes(metadata.name));
      seconds.push(...started.map(secondsToReady));
      await cluster.kubectl(['scale', deployment, `--replicas=${before.length}`]);
      await seenBy(async () => (await cluster.pods(spec.name)).length === before.length, 60_000);
    }
    assert.equal(seconds.length, STARTS_EACH * services.length);
    spread('started one by one', seconds, 's until ready');
    figure('started one by one, p95', `${quantile(seconds, 0.95)} s`);
  });

  it('tells what two sidecars add to a call', async () => {
    const { cluster } = system();
    const [pod] = await cluster.pods('orders');
    const image = pod?.spec.containers.find(({ name }) => name === 'orders')?.image ?? '';
    const namespace = `${cluster.namespace}-measured`;
    await makeNamespace(cluster, namespace);
    try {
      for (const meshed of [false, true]) {
        const common = { namespace, account: 'default', image, meshed };
        const upstream: ScriptPod = {
          ...common,
          name: 'upstream',
          script: 'upstream.mjs',
          labels: { app: 'upstream' },
        };
        const service = { selector: upstream.labels, ports: [{ name: 'grpc', port: 50051, appProtocol: 'grpc' }] };
        const object = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'upstream', namespace }, spec: service };
        await cluster.kubectl(['--namespace', namespace, 'apply', '-f', '-'], JSON.stringify(object));
        await startPod(cluster, upstream);
        await podReady(cluster, upstream);
        const step = { target: `upstream.${namespace}.svc.cluster.local:50051`, path: PATH };
        const steps = [
          { ...step, times: CALLS },
          { ...step, times: CALLS },
        ];
        const [, all = []] = await probe(cluster, { ...common, name: 'prober' }, steps);
        assert.deepEqual(
          all.filter(({ code }) => code !== 0),
          [],
        );
        const ms = all.map((one) => one.ms);
        const [p50, p99] = [quantile(ms, 0.5), quantile(ms, 0.99)];
        const name = meshed ? 'a call through two sidecars' : 'the same call without';
        figure(name, `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (${ms.length})`);
        await removePod(cluster, upstream);
      }
    } finally {
      await dropNamespace(cluster, namespace, false);
    }
  });
};

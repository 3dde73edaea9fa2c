import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { services } from '@weft/all/services';
import { eventually } from '@weft/kit/testing';
import type { Cluster } from './cluster.ts';
import { figure, spread, workingSets } from './figures.ts';
import { install, secondsToReady } from './install.ts';
import { dropNamespace } from './namespaces.ts';
import { openSystem, type System } from './system.ts';

/** Some of the tests: `system` is there once they run. */
export type Part = (system: () => System) => void;

interface Options {
  readonly keep: boolean;
  readonly installed: boolean;
}

/** Installs the system, tests that it is whole, and runs the parts on it. */
export function whole(
  cluster: Cluster,
  { keep, installed }: Options,
  parts: readonly (readonly [name: string, Part])[],
): void {
  let system: System | undefined;
  const current = () => {
    assert.ok(system, 'the system was not installed');
    return system;
  };

  describe('Weft in a cluster', { concurrency: false }, () => {
    before(async () => {
      if (!installed) {
        const { backing, weft } = await install(cluster);
        figure('backing installed and ready', `${(backing / 1000).toFixed(0)} s`);
        figure('weft installed and ready', `${(weft / 1000).toFixed(0)} s`);
      }
    });
    after(async () => {
      await system?.close();
      if (!keep && !installed) await dropNamespace(cluster, cluster.namespace);
    });

    it('has every pod of every service ready', async () => {
      const pods = await cluster.pods();
      const names = new Set(pods.map(({ metadata }) => metadata.labels['app.kubernetes.io/name']));
      assert.deepEqual([...names].sort(), services.map(({ spec }) => spec.name).sort());
      for (const { metadata, status } of pods) {
        const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status;
        assert.equal(ready, 'True', `${metadata.name} is not ready`);
      }
      spread('from the start of its container', pods.map(secondsToReady), 's until ready');
      const own = await workingSets(cluster, (name) => names.has(name));
      const proxies = await workingSets(cluster, (name) => name === 'istio-proxy');
      const megabytes = (bytes: readonly number[]) => bytes.map((one) => one / 2 ** 20);
      spread('memory of a service', megabytes(own), 'MiB');
      spread('memory of a proxy', megabytes(proxies), 'MiB');
    });

    it('passes the tests of the chart', async () => {
      const said = await cluster.helm(['test', 'weft', '--timeout', '5m'], 320_000);
      assert.equal(said.match(/Phase:\s+Succeeded/g)?.length, services.length, said);
    });

    for (const [name, part] of parts) {
      describe(name, { concurrency: false }, () => {
        // The administrator's token lives for 15 minutes; the gateway is told of the routes a moment after they are there.
        before(async () => {
          await system?.close();
          system = await eventually(() => openSystem(cluster), 60_000);
        });
        part(current);
      });
    }
  });
}

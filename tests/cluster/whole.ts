import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { services } from '@weft/all/services';
import { eventually } from '@weft/kit/testing';
import type { Cluster } from './cluster.ts';
import { figure, spread, workingSets } from './figures.ts';
import { install, secondsToReady } from './install.ts';
import { dropNamespace } from './namespaces.ts';
import { seenBy } from './run.ts';
import { openSystem, type System } from './system.ts';

/** What a service's own container may take at rest, and how long it may be until it is. */
const MOST_MB = 90;
const REST_MS = 120_000;
/** The administrator's token lives for 15 minutes, and a test takes up to ten. */
const RENEW_MS = 120_000;

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
  let openedAt = 0;
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
      const megabytes = (bytes: readonly number[]) => bytes.map((one) => one / 1e6);
      const own = () => workingSets(cluster, (name) => names.has(name));
      // At rest: a start needs more for a moment, and what was tested before keeps more.
      const atRest = installed
        ? await own()
        : await seenBy(async () => {
            const found = await own();
            const most = Math.max(0, ...megabytes(found));
            assert.ok(most < MOST_MB, `a service takes ${most.toFixed(1)} MB at rest; ${MOST_MB} are the goal`);
            return found;
          }, REST_MS);
      spread('memory of a service', megabytes(atRest), 'MB');
      spread('memory of a proxy', megabytes(await workingSets(cluster, (name) => name === 'istio-proxy')), 'MB');
    });

    it('passes the tests of the chart', async () => {
      const said = await cluster.helm(['test', 'weft', '--timeout', '5m'], 320_000);
      assert.equal(said.match(/Phase:\s+Succeeded/g)?.length, services.length, said);
    });

    for (const [name, part] of parts) {
      describe(name, { concurrency: false }, () => {
        const open = async () => {
          await system?.close();
          // The gateway is told of the routes a moment after they are there.
          system = await eventually(() => openSystem(cluster), 60_000);
          openedAt = performance.now();
        };
        before(open);
        beforeEach(async () => {
          if (performance.now() - openedAt > RENEW_MS) await open();
        });
        part(current);
      });
    }
  });
}

import { beforeAll, describe, expect, it } from '@jest/globals';
import { faultsOf } from './faults.ts';
import { wayIn } from './ingress.ts';
import { hasHelm, type KubeObject, objectsOf, podsOf, RELEASES, render } from './render.ts';

const withHelm = hasHelm ? describe : describe.skip;

withHelm.each(Object.entries(RELEASES))('what %s puts in a cluster', (name, release) => {
  let objects: KubeObject[] = [];
  const of = (kind: string) => objects.filter((one) => one.kind === kind);
  beforeAll(() => {
    objects = objectsOf(render(release));
  });

  it('has no container that runs as root, has rights, or has no limits, and no image without a version', () => {
    const pods = podsOf(objects);
    expect(pods.length).toBeGreaterThan(2);
    expect(pods.flatMap(({ of, pod }) => faultsOf(of, pod))).toEqual([]);
  });

  it('writes nowhere but into volumes', () => {
    const writable = podsOf(objects).flatMap(({ of, pod }) =>
      pod.containers.filter(({ securityContext }) => securityContext?.readOnlyRootFilesystem !== true).map(() => of),
    );
    // Sources are synced into the images of development.
    const synced = of('Deployment').map(({ metadata }) => `Deployment/${metadata.name}`);
    expect(writable).toEqual(['dev', 'debug'].includes(name) ? synced : []);
  });

  it('has a NetworkPolicy for every pod, which denies what it does not name', () => {
    const selected = of('NetworkPolicy').map(
      ({ spec }) => spec as { podSelector: { matchLabels: object }; policyTypes: string[] },
    );
    for (const { policyTypes } of selected) expect(policyTypes.sort()).toEqual(['Egress', 'Ingress']);
    const uncovered = podsOf(objects).filter(
      ({ of, labels }) =>
        // Those of helm test come and go.
        !of.startsWith('Pod/') &&
        !selected.some(({ podSelector }) =>
          Object.entries(podSelector.matchLabels).every(([key, value]) => labels[key] === value),
        ),
    );
    expect(uncovered.map(({ of }) => of)).toEqual([]);
    expect(selected.length).toBeGreaterThan(2);
  });

  if (release.chart === 'weft') {
    it('has for every service who may call it, how it is called, and only what its contract names', () => {
      const named = (kind: string) => of(kind).map(({ metadata }) => metadata.name);
      const services = named('Deployment').filter((one) => !one.endsWith('-canary'));
      expect(services.length).toBeGreaterThan(5);
      for (const kind of [
        'Service',
        'ServiceAccount',
        'NetworkPolicy',
        'PodDisruptionBudget',
        'AuthorizationPolicy',
        'PeerAuthentication',
        'DestinationRule',
        'VirtualService',
        'Sidecar',
      ]) {
        expect({ kind, without: services.filter((one) => !named(kind).includes(one)) }).toEqual({ kind, without: [] });
      }
    });

    // In production there is one way in.
    const grpc = name.startsWith('production') ? 'gateway' : 'orders';
    it.each([
      ['application/grpc', grpc],
      ['application/grpc+proto', grpc],
      ['application/grpc-web+proto', 'gateway'],
      ['application/grpc-web-text', 'gateway'],
      ['application/json', 'gateway'],
      ['application/connect+json', 'gateway'],
      [undefined, 'gateway'],
    ])('leads a call of %s from outside to %s', (type, expected) => {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
      const method = '/weft.orders.v1.OrdersService';
      expect(wayIn(objects, `${method}/PlaceOrder`, headers)).toEqual([expected]);
      // Not for end users.
      const inside = expected === 'orders' ? [] : [expected];
      expect(wayIn(objects, `${method}/ConfirmOrder`, headers)).toEqual(inside);
    });

    it('asks every pod how it is, but one under a debugger only whether it has started', () => {
      for (const { pod } of podsOf(of('Deployment')))
        expect([...Object.keys(pod.containers[0] ?? {})].filter((key) => key.endsWith('Probe')).sort()).toEqual(
          name === 'debug' ? ['startupProbe'] : ['livenessProbe', 'readinessProbe', 'startupProbe'],
        );
    });

    it('lets go of a pod only after the kit has had its time', () => {
      for (const { metadata, spec } of of('Deployment')) {
        const service = metadata.labels?.['app.kubernetes.io/name'];
        const settings = of('ConfigMap').find((one) => one.metadata.name === service)?.data ?? {};
        const { terminationGracePeriodSeconds, containers } = spec.template.spec;
        const preStop = containers[0].lifecycle.preStop.sleep.seconds;
        expect(Number(settings.STOP_TIMEOUT_MS)).toBeGreaterThan(Number(settings.DRAIN_DELAY_MS) + 1000);
        expect(terminationGracePeriodSeconds).toBeGreaterThan(preStop + Number(settings.STOP_TIMEOUT_MS) / 1000);
      }
    });
  }
});

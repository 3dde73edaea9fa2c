import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { parse } from 'yaml';
import { committedIntents, methodsOf } from '../mesh/generate.ts';
import { hasHelm, type KubeObject, objectsOf, RELEASES, type Release, ROOT, render } from './render.ts';

interface Peer {
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports: readonly { readonly port: number; readonly protocol?: string }[];
}

const GRPC = 50051;
const HTTP = 8080;
const OPS = 9464;
const KEYS = 'users';
const EDGE = 'gateway';
const NAMES = services.map(({ spec }) => spec.name).sort();
const intents = committedIntents();

/** Who calls whom, as the contracts say it of each method: the edge for end users, who named themselves. */
const callersOf = (service: string): string[] => {
  const methods = methodsOf(intents.get(service));
  const named = methods.flatMap(({ callers }) => callers);
  return [...new Set([...named, ...(methods.some(({ users }) => users) ? [EDGE] : [])])].sort();
};
const calledBy = (service: string) => NAMES.filter((other) => callersOf(other).includes(service));
const usesOf = (service: string) => (service === EDGE ? ['nats:4222', 'redis:6379'] : ['nats:4222', 'postgresql:5432']);

function called(peer: Peer): string {
  const labels = { ...peer.podSelector?.matchLabels };
  const name = labels['app.kubernetes.io/name'] ?? Object.entries(labels).map(([key, value]) => `${key}=${value}`)[0];
  const namespace = peer.namespaceSelector?.matchLabels['kubernetes.io/metadata.name'];
  return [namespace, name].filter((one) => one !== undefined).join('/');
}
/** Every peer with every port of every rule, as `orders:50051`. */
const flat = (rules: readonly Rule[]): string[] =>
  rules
    .flatMap(({ from, to, ports }) =>
      (from ?? to ?? []).flatMap((peer) =>
        ports.map(({ port, protocol }) => `${called(peer)}:${port}${protocol === 'UDP' ? '/udp' : ''}`),
      ),
    )
    .sort();

(hasHelm ? describe : describe.skip)('the NetworkPolicies of staging', () => {
  const policies = new Map<string, { readonly ingress: readonly Rule[]; readonly egress: readonly Rule[] }>();
  beforeAll(() => {
    const objects: KubeObject[] = objectsOf(render(RELEASES.staging as Release));
    for (const { kind, metadata, spec } of objects)
      if (kind === 'NetworkPolicy') {
        expect(spec.podSelector).toEqual({ matchLabels: { 'app.kubernetes.io/name': metadata.name } });
        policies.set(metadata.name, spec);
      }
  });
  const of = (service: string, way: 'ingress' | 'egress') => flat(policies.get(service)?.[way] ?? []);

  it('are of every service and of nothing else', () => {
    expect([...policies.keys()].sort()).toEqual(NAMES);
  });

  it.each(NAMES)(
    'let %s be reached by its callers, the ingress gateway, its test and who reads metrics, by nobody else',
    (name) => {
      const front = [...callersOf(name), `weft.dev/test=${name}`, 'istio-system/istio=ingressgateway'];
      const ports = name === EDGE ? [GRPC, HTTP] : [GRPC];
      const wanted = [
        ...front.flatMap((peer) => ports.map((port) => `${peer}:${port}`)),
        ...(name === KEYS ? [`app.kubernetes.io/part-of=weft:${OPS}`] : []),
        `observability:${OPS}`,
        'observability:15090',
      ];
      expect(of(name, 'ingress')).toEqual(wanted.sort());
    },
  );

  it.each(NAMES)(
    'let %s reach whom it calls, the keys of access tokens, what it stands on, and nobody else',
    (name) => {
      const wanted = [
        ...calledBy(name).map((other) => `${other}:${GRPC}`),
        `${KEYS}:${OPS}`,
        ...usesOf(name),
        'kube-system:53',
        'kube-system:53/udp',
        'istio-system/app=istiod:15012',
        'observability:4318',
      ];
      expect(of(name, 'egress')).toEqual(wanted.sort());
    },
  );

  it('open the ways between clusters where there are several: in from the east-west gateway, out to those of the others', () => {
    const gateway = 'istio-system/istio=eastwestgateway';
    const here = new Map<string, { ingress: Rule[]; egress: Rule[] }>();
    for (const { kind, metadata, spec } of objectsOf(render(RELEASES['production-eu-west'] as Release)))
      if (kind === 'NetworkPolicy') here.set(metadata.name, spec);
    expect([...here.keys()].sort()).toEqual(NAMES);
    for (const [name, { ingress, egress }] of here) {
      const wanted = name === KEYS ? [`${gateway}:${GRPC}`, `${gateway}:${OPS}`] : [`${gateway}:${GRPC}`];
      expect([name, flat(ingress).filter((one) => one.startsWith(gateway))]).toEqual([name, wanted]);
      expect([name, egress.filter(({ ports }) => ports.some(({ port }) => port === 15443))]).toEqual([
        name,
        [{ to: [{ ipBlock: { cidr: '198.51.100.0/28' } }], ports: [{ port: 15443, protocol: 'TCP' }] }],
      ]);
      expect(of(name, 'ingress').concat(of(name, 'egress')).join()).not.toMatch(/eastwest|15443/);
    }
  });

  it.each(['eu-west', 'us-east'])(
    'has calls of %s go to the other region where no pod is well, by a gateway in the mesh',
    (region) => {
      const objects = objectsOf(render(RELEASES[`production-${region}`] as Release));
      const to = region === 'eu-west' ? 'us-east' : 'eu-west';
      const rules = objects.filter(({ kind }) => kind === 'DestinationRule');
      expect(rules.length).toBe(NAMES.length);
      for (const { spec } of rules)
        expect(spec.trafficPolicy.loadBalancer.localityLbSetting.failover).toEqual([{ from: region, to }]);
      const gateway = objects.find(({ metadata }) => metadata.name === 'weft-east-west');
      expect(gateway?.spec.servers[0]).toMatchObject({ port: { number: 15443 }, tls: { mode: 'AUTO_PASSTHROUGH' } });
      const values = parse(readFileSync(join(ROOT, 'k8s/istio/east-west.yaml'), 'utf8')) as { labels: object };
      expect(gateway?.spec.selector).toEqual(values.labels);
    },
  );

  it.each(['production', 'production-eu-west', 'production-us-east'])(
    'lead %s to what it stands on where k8s/production puts it, and in by TLS alone',
    (release) => {
      const objects = objectsOf(render(RELEASES[release] as Release));
      const read = (path: string) => objectsOf(readFileSync(join(ROOT, path), 'utf8'));
      const made = read('k8s/namespaces.yaml').map(({ metadata }) => metadata.name);
      const data = [...read('k8s/production/postgresql.yaml'), ...read('k8s/production/databases.yaml')];
      expect([...new Set(data.map(({ metadata }) => metadata.namespace))]).toEqual(['weft-data']);
      expect(made).toContain('weft-data');
      const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
      expect(policies.length).toBe(NAMES.length);
      for (const { metadata, spec } of policies) {
        const ports = usesOf(metadata.name).map((one) => `weft-data:${one.split(':')[1]}`);
        expect(flat(spec.egress).filter((one) => one.startsWith('weft-data'))).toEqual(ports.sort());
      }
      const doors = objects.filter(({ kind, metadata }) => kind === 'Gateway' && metadata.name === 'weft');
      expect(doors.flatMap(({ spec }) => spec.servers)).toEqual([
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          tls: { mode: 'SIMPLE', credentialName: 'weft-tls', minProtocolVersion: 'TLSV1_2' },
          hosts: ['shop.weft.example'],
        },
      ]);
      const ways = objects.filter(({ kind, spec }) => kind === 'VirtualService' && spec.gateways);
      expect([...new Set(ways.flatMap(({ spec }) => spec.hosts))]).toEqual(['shop.weft.example']);
    },
  );

  it('agree with each other on every pair of services, itself included', () => {
    const wrong: string[] = [];
    for (const from of NAMES)
      for (const to of NAMES)
        for (const port of [GRPC, HTTP, OPS]) {
          const leaves = of(from, 'egress').includes(`${to}:${port}`);
          const enters = [from, 'app.kubernetes.io/part-of=weft'].some((peer) =>
            of(to, 'ingress').includes(`${peer}:${port}`),
          );
          const calls = port === GRPC && callersOf(to).includes(from);
          const keys = port === OPS && to === KEYS;
          if (leaves !== (calls || keys) || enters !== (calls || keys)) wrong.push(`${from} ${to}:${port}`);
        }
    expect(wrong).toEqual([]);
    expect(NAMES.length).toBeGreaterThan(5);
  });
});

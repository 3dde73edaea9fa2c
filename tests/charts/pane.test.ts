import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { faultsOf } from './faults.ts';
import { has, hasHelm, type KubeObject, objectsOf, podsOf, RELEASES, ROOT, render, run } from './render.ts';

// k8s/observability as kubectl hands it to a cluster. Without kubectl these are skipped: npm test says so.
const hasKubectl = has('kubectl', 'version', '--client');
const FOLDER = join(ROOT, 'k8s/observability');

interface Source {
  readonly uid: string;
  readonly url: string;
}

(hasKubectl ? describe : describe.skip)('the pane in a cluster', () => {
  let objects: KubeObject[] = [];
  const of = (kind: string) => objects.filter((one) => one.kind === kind);
  const named = (kind: string, name: string) => of(kind).find(({ metadata }) => metadata.name === name);
  /** What a program is given: files by their name. */
  const filesOf = (name: string) =>
    of('ConfigMap').find(({ metadata }) => metadata.name.replace(/-[a-z0-9]{10}$/, '') === name)?.data ?? {};
  const sources = () => (parse(filesOf('grafana-datasources')['datasources.yaml'] ?? '').datasources ?? []) as Source[];
  const ports = (service: string): number[] =>
    (named('Service', service)?.spec.ports ?? []).map(({ port }: { port: number }) => port);

  beforeAll(() => {
    const { status, stdout, stderr } = run('kubectl', 'kustomize', FOLDER);
    if (status !== 0) throw new Error(stderr);
    objects = objectsOf(stdout);
  });

  it('has no container that runs as root, has rights, or has no limits, and no image without a version', () => {
    const pods = podsOf(objects);
    expect(pods.length).toBe(7);
    // Prometheus asks the API server for the pods.
    const faults = pods.flatMap(({ of, pod }) => faultsOf(of, pod));
    expect(faults).toEqual(['StatefulSet/prometheus is given a token']);
    const containers = pods.flatMap(({ pod }) => pod.containers);
    expect(containers.filter(({ securityContext }) => securityContext?.readOnlyRootFilesystem !== true)).toEqual([]);
  });

  it('lets Prometheus list pods where it has to, and nobody anything else', () => {
    expect(of('ClusterRole').concat(of('ClusterRoleBinding'))).toEqual([]);
    const roles = of('Role') as (KubeObject & { rules?: unknown })[];
    const granted = roles.map(({ metadata }) => metadata.namespace).sort();
    expect(granted).toEqual(['istio-system', 'observability', 'observability-nodes', 'weft']);
    for (const { rules } of roles)
      expect(rules).toEqual([{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }]);
    const config = parse(filesOf('prometheus')['cluster.yaml'] ?? '');
    const asked = JSON.stringify(config.scrape_configs).matchAll(/"names":(\[[^\]]*\])/g);
    const namespaces = [...asked].flatMap(([, names = '[]']) => JSON.parse(names) as string[]);
    expect([...new Set(namespaces)].sort()).toEqual(granted);
  });

  it('is in namespaces that there are, and reads files of a node only where that is allowed', () => {
    const made = objectsOf(readFileSync(join(ROOT, 'k8s/namespaces.yaml'), 'utf8'));
    const there = [...made.map(({ metadata }) => metadata.name), 'istio-system'];
    expect(objects.filter(({ metadata }) => !there.includes(metadata.namespace ?? 'none'))).toEqual([]);
    const restricted = made
      .filter(({ metadata }) => metadata.labels?.['pod-security.kubernetes.io/enforce'] === 'restricted')
      .map(({ metadata }) => metadata.name);
    expect(restricted).toContain('observability');
    for (const one of objects)
      for (const { pod } of podsOf([one]))
        expect([one.metadata.name, (pod.volumes ?? []).some(({ hostPath }) => hostPath)]).toEqual([
          one.metadata.name,
          !restricted.includes(one.metadata.namespace ?? ''),
        ]);
  });

  it('gives every program the files that it is started with, as they are in the repository', () => {
    for (const { of, pod } of podsOf(objects)) {
      const volumes = new Map((pod.volumes ?? []).map(({ name, configMap }) => [name, configMap?.name]));
      for (const { args = [], volumeMounts = [] } of pod.containers) {
        const wanted = args.flatMap((arg) => /^--?config(?:\.file)?=(.*)$/.exec(arg)?.[1] ?? []);
        if (of !== 'Deployment/grafana') expect([of, wanted.length]).toEqual([of, 1]);
        for (const path of wanted) {
          const mount = volumeMounts.find(({ mountPath }) => mountPath === dirname(path));
          const data = named('ConfigMap', volumes.get(mount?.name ?? '') ?? '')?.data ?? {};
          const [file] = globSync(`**/${basename(path)}`, { cwd: FOLDER });
          expect([path, data[basename(path)]]).toEqual([path, readFileSync(join(FOLDER, file ?? 'none'), 'utf8')]);
        }
      }
      for (const name of volumes.values()) if (name) expect(named('ConfigMap', name)?.metadata.name).toBe(name);
    }
  });

  it('has every dashboard and every runbook', () => {
    const files = globSync('grafana/{*,runbooks/*}.json', { cwd: FOLDER }).map((path) => basename(path));
    expect(files.length).toBeGreaterThan(10);
    expect(Object.keys(filesOf('grafana-dashboards')).sort()).toEqual(files.sort());
  });

  it('has the data sources that dashboards and data sources name, each at a Service that there is', () => {
    const uids = sources().map(({ uid }) => uid);
    const texts = [...Object.values(filesOf('grafana-dashboards')), JSON.stringify(sources())];
    const asked = texts.flatMap((text) => [
      // In a link to Explore as well, where quotes are encoded.
      ...[...text.matchAll(/(?:"|%22)uid(?:":\s*"|%22%3A%22)(?!weft-)([a-z]+)/g)].map(([, uid]) => uid),
      ...[...text.matchAll(/"(?:datasourceUid|alertmanagerUid)":"([^"]+)"/g)].map(([, uid]) => uid),
    ]);
    expect([...new Set(asked)].sort()).toEqual(uids.sort());
    for (const { uid, url } of sources()) {
      const { hostname, port } = new URL(url);
      expect([uid, ports(hostname)]).toEqual([uid, expect.arrayContaining([Number(port)])]);
    }
  });

  it('hands on from one program to the next where that one listens', () => {
    const [logs = '', spans = ''] = [
      filesOf('log-collector')['collector-logs.yaml'],
      filesOf('otel-collector')['collector.yaml'],
    ];
    const loki = new URL(parse(logs).exporters['otlp_http/loki'].endpoint);
    expect([loki.hostname, ports('loki')]).toEqual(['loki.observability', [Number(loki.port)]]);
    const [jaeger = '', port] = parse(spans).exporters['otlp_grpc/jaeger'].endpoint.split(':');
    expect(ports(jaeger)).toContain(Number(port));
    const { alerting } = parse(filesOf('prometheus')['cluster.yaml'] ?? '');
    const [[alerts = '', at]] = alerting.alertmanagers[0].static_configs[0].targets.map((one: string) =>
      one.split(':'),
    );
    expect(ports(alerts)).toEqual([Number(at)]);
  });

  const withHelm = hasHelm ? it.each(['staging', 'production']) : it.skip.each(['staging', 'production']);
  withHelm('is where the services of %s send their spans and let themselves be read', (name) => {
    const services = objectsOf(render(RELEASES[name] ?? { chart: 'weft' }));
    const settings = services.filter(({ kind }) => kind === 'ConfigMap').map(({ data }) => data ?? {});
    const endpoints = new Set(settings.map((one) => one.OTEL_EXPORTER_OTLP_ENDPOINT ?? ''));
    expect([...endpoints]).toEqual(['http://otel-collector.observability:4318']);
    expect(ports('otel-collector')).toContain(4318);
    for (const { kind, spec } of services) {
      if (kind === 'Deployment')
        expect(spec.template.spec.containers[0].ports).toContainEqual({ name: 'ops', containerPort: 9464 });
      if (kind === 'PeerAuthentication' && spec.selector)
        expect(spec.portLevelMtls).toEqual({ 9464: { mode: 'PERMISSIVE' } });
      if (kind === 'NetworkPolicy') {
        const from = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'observability' } } };
        expect(spec.ingress).toContainEqual({ from: [from], ports: [{ port: 9464 }, { port: 15090 }] });
      }
    }
    // Prometheus needs no operator.
    expect(services.filter(({ kind }) => kind === 'PodMonitor')).toEqual([]);
  });
});

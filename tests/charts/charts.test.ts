import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { parse } from 'yaml';
import { goldenFile } from './golden.ts';
import {
  GOLDEN,
  hasHelm,
  type KubeObject,
  lint,
  notes,
  objectsOf,
  RELEASES,
  type Release,
  ROOT,
  render,
  template,
} from './render.ts';

const NAMES = services.map(({ spec }) => spec.name).sort();
const read = (path: string) => parse(readFileSync(join(ROOT, path), 'utf8')) as Record<string, unknown>;

describe('the list of services', () => {
  it('is the same in charts/weft as in services/all', () => {
    const { dependencies } = read('charts/weft/Chart.yaml') as { dependencies: { alias: string }[] };
    expect(dependencies.map(({ alias }) => alias).sort()).toEqual(NAMES);
  });

  it('is the same in charts/backing', () => {
    expect(Object.keys(read('charts/backing/values.yaml').services as object).sort()).toEqual(NAMES);
  });

  it.each(readdirSync(join(ROOT, 'charts/weft')).filter((file) => /^values-.*\.yaml$/.test(file)))(
    'is whole in %s',
    (file) => {
      const values = read(`charts/weft/${file}`);
      expect(NAMES.filter((name) => !(name in values))).toEqual([]);
    },
  );

  it('has what each uses in charts/backing as in charts/service', () => {
    const backing = read('charts/backing/values.yaml').services as Record<string, object>;
    const file = (name: string) => `charts/service/files/services/${name}.yaml`;
    const own = (name: string) => (existsSync(join(ROOT, file(name))) ? (read(file(name)).uses as object) : {});
    const usual = { database: true, bus: true, cache: false };
    for (const name of NAMES) expect({ name, ...backing[name] }).toEqual({ name, ...usual, ...own(name) });
  });
});

describe('templates', () => {
  it.each(['service', 'weft', 'backing'])('of %s have at most 80 lines', (chart) => {
    const folder = join(ROOT, 'charts', chart, 'templates');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.(yaml|tpl|txt)$/.test(path),
    );
    const lines = (path: string) => readFileSync(join(folder, path), 'utf8').trimEnd().split('\n').length;
    expect(files.length).toBeGreaterThan(3);
    expect(files.filter((path) => lines(path) > 80)).toEqual([]);
  });
});

describe('values', () => {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const keysIn = (values: unknown): string[] =>
    isMap(values)
      ? Object.entries(values).flatMap(([key, value]) => [key, ...(key === 'resources' ? [] : keysIn(value))])
      : [];

  it.each(['service', 'weft', 'backing'])('of %s are read by a template', (chart) => {
    const folder = join(ROOT, 'charts', chart, 'templates');
    const text = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(yaml|tpl|txt)$/.test(path))
      .map((path) => readFileSync(join(folder, path), 'utf8'))
      .join('\n');
    // What stands under a service's name is read by charts/service.
    const own = Object.entries(read(`charts/${chart}/values.yaml`)).filter(([key]) => !NAMES.includes(key));
    const keys = keysIn(Object.fromEntries(own)).filter((key) => !NAMES.includes(key));
    expect(keys.length).toBeGreaterThan(5);
    // By its name, or by that of a workload: get .Values.images .name
    const isRead = (key: string) => new RegExp(`\\.${key}\\b|"name" "${key}"`).test(text);
    expect(keys.filter((key) => !isRead(key))).toEqual([]);
  });
});

// Without helm these are skipped: npm test says so.
const withHelm = hasHelm ? describe : describe.skip;

withHelm('helm', () => {
  const together = hasHelm
    ? objectsOf(render({ chart: 'weft', set: ['admin.password=test'] }).replaceAll('instance: weft', 'instance: one'))
    : [];

  it.each(['service', 'weft', 'backing'] as const)('finds nothing wrong in charts/%s', (chart) => {
    const { status, stdout } = lint(chart, ...(chart === 'service' ? ['name=orders'] : []));
    expect({ status, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stdout: '' });
  });

  it.each(GOLDEN)('renders %s as charts/golden has it (npm run charts:golden writes it)', (name) => {
    expect(render(RELEASES[name] as Release)).toBe(readFileSync(goldenFile(name), 'utf8'));
  });

  it.each(NAMES)('installs %s alone as it is among the others, which are then released without it', (name) => {
    const labelled = (objects: KubeObject[]) =>
      objects.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === name);
    // Only the name of the release is another.
    const of = (release: Release) =>
      objectsOf(render(release).replaceAll(/(instance: |for )(weft|service)\b/g, '$1one'));
    const alone = labelled(of({ chart: 'service', set: [`name=${name}`] }));
    const byName = (objects: KubeObject[]) =>
      Object.fromEntries(objects.map((one) => [`${one.kind}/${one.metadata.name}`, one]));
    expect(byName(alone)).toEqual(byName(labelled(together)));
    expect(alone.length).toBeGreaterThan(8);
    const rest = of({ chart: 'weft', set: [`${name}.enabled=false`, 'admin.password=test'] });
    expect(labelled(rest)).toEqual([]);
    const others = together.filter((one) => !labelled([one]).length && one.kind !== 'Pod');
    expect(Object.keys(byName(rest.filter(({ kind }) => kind !== 'Pod')))).toEqual(Object.keys(byName(others)));
  });

  it('takes values before what it knows of a service, what is false or nothing included', () => {
    const set = ['name=gateway', 'uses.bus=false', 'ports.http=0', 'probe=grpc', 'settings.TRUSTED_PROXIES=2'];
    const objects = objectsOf(render({ chart: 'service', set }));
    const find = (kind: string) => objects.find((one) => one.kind === kind);
    expect(find('ConfigMap')?.data).toMatchObject({ TRUSTED_PROXIES: '2' });
    expect(find('Service')?.spec.ports.map(({ name }: { name: string }) => name)).toEqual(['grpc', 'http-ops']);
    expect(find('Deployment')?.spec.template.spec.containers[0].readinessProbe.grpc).toEqual({ port: 50051 });
    expect(JSON.stringify(find('NetworkPolicy')?.spec.egress)).not.toContain('nats');
    expect(JSON.stringify(find('NetworkPolicy')?.spec.egress)).toContain('redis');
  });

  it.each([
    ['orders.replicas=lots', "at '/replicas': got string, want integer"],
    ['orders.replicas=-1', "at '/replicas': minimum"],
    ['orders.image.tag=latest', 'orders: image.tag must not be latest'],
    ['orders.image.digest=abc', "at '/image/digest': 'abc' does not match"],
    ['orders.resources.limits=null', "at '/resources': missing property 'limits'"],
    ['orders.resources.limits.memory=much', "at '/resources/limits/memory': 'much' does not match"],
    ['orders.settings.grpc_port=1', "'grpc_port' does not match pattern '^[A-Z]"],
    ['orders.colour=red', "additional properties 'colour' not allowed"],
    ['orders.name=order', 'the contracts have no service "order"'],
    ['orders.autoscaling.min=7', 'orders: autoscaling.min (7) is more than autoscaling.max (6)'],
    [
      'orders.stop.drainSeconds=19',
      'orders: stop.timeoutSeconds (20) has to be at least 2 more than stop.drainSeconds',
    ],
    ['orders.faults[0].methods={Login}', 'orders: faults name the method Login, which its contract does not have'],
    [
      'eastWest.enabled=true',
      "audit: networkPolicy.eastWest.to has to say where the other clusters' east-west gateways",
    ],
    ['ordrs.replicas=3', "additional properties 'ordrs' not allowed"],
    ['ingress.certficate=shop', "at '/ingress': additional properties 'certficate' not allowed"],
    ['ingress.hosts={A_b}', "at '/ingress/hosts/0': 'A_b' does not match"],
    ['eastWest.enabled=maybe', "at '/eastWest/enabled': got string, want boolean"],
    ['ingress.plaintext=false', 'ingress.certificate has to name a TLS Secret where ingress.plaintext is false'],
    ['admin.email=nobody', "at '/admin/email': 'nobody' does not match"],
  ])('refuses %s and says why', (set, why) => {
    const abort = set.includes('faults')
      ? ['orders.faults[0].abort.code=ABORTED', 'orders.faults[0].abort.percent=1']
      : [];
    const { status, stderr } = template({ chart: 'weft', set: [set, ...abort] });
    expect(status).not.toBe(0);
    expect(stderr).toContain(why);
  });

  it.each([
    ['services.orders.databse=true', "at '/services/orders': additional properties 'databse' not allowed"],
    ['images.redis=redis:latest', "at '/images/redis'"],
    ['images.nats=nats', "at '/images/nats': 'nats' does not match"],
    ['nats.replicas=3', "at '/nats': additional properties 'replicas' not allowed"],
    ['persistence.size=much', "at '/persistence/size': 'much' does not match"],
  ])('refuses %s in charts/backing and says why', (set, why) => {
    const { status, stderr } = template({ chart: 'backing', set: [set] });
    expect(status).not.toBe(0);
    expect(stderr).toContain(why);
  });

  it('says after an install how it is tested and called, of one service and of all', () => {
    const all = notes({ chart: 'weft', values: ['values-staging.yaml'] });
    expect(all).toContain(`${NAMES.join(', ')} run in weft.`);
    expect(all).toContain('helm test weft -n weft\n');
    expect(all).toContain(
      'grpcurl -plaintext -protoset weft.binpb INGRESS:80 weft.catalog.v1.CatalogService/ListProducts',
    );
    const shop = [
      'ingress.certificate=shop',
      'ingress.hosts={shop.example}',
      'ingress.plaintext=false',
      'audit.enabled=false',
    ];
    const secured = notes({ chart: 'weft', set: shop });
    expect(secured).toContain('grpcurl -protoset weft.binpb shop.example:443 ');
    expect(secured).not.toMatch(/audit|127\.0\.0\.1:50051 weft/);
    expect(notes({ chart: 'weft', set: ['ingress.enabled=false'] })).not.toContain('INGRESS');
    const one = notes({ chart: 'service', set: ['name=orders'] });
    expect(one).toContain('port-forward deployment/orders 50051:50051');
    expect(one).toContain('grpcurl -plaintext 127.0.0.1:50051 list');
    expect(one).toContain('helm test service -n weft\n');
  });

  it('knows the same services in the schema of charts/weft', () => {
    const { properties } = read('charts/weft/values.schema.json') as { properties: object };
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(NAMES));
  });

  it('keeps passwords apart: each service has its own for each of what it uses', () => {
    const text = render({ chart: 'backing', set: ['seed=one'] });
    const found = [...text.matchAll(/(?:postgres|nats|redis):\/\/\w+:([^@]+)@/g)].map(([, password]) => password);
    expect(found.length).toBeGreaterThan(NAMES.length);
    expect(new Set(found).size).toBe(found.length);
    expect(render({ chart: 'backing', set: ['seed=two'] })).not.toContain(found[0]);
  });
});

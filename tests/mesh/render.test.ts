import { describe, expect, it } from '@jest/globals';
import { committedIntents, generate, methodsOf } from './generate.ts';
import { admits, hasHelm, type Rendered, render, routesOf } from './render.ts';

const intents = committedIntents();
const served = [...intents.values()].filter(({ grpc }) => grpc.some(({ shared }) => !shared));
const account = (name: string, namespace = 'weft', domain = 'cluster.local') => `${domain}/ns/${namespace}/sa/${name}`;
const INGRESS = account('istio-ingressgateway', 'istio-system');

(hasHelm ? describe : describe.skip)('with helm on the path, charts/service', () => {
  const rendered = new Map(hasHelm ? served.map(({ service }) => [service, render(service)]) : []);
  const object = (service: string, kind: string, name = service): Rendered =>
    rendered.get(service)?.objects.get(`${kind}/${name}`);

  it('admits to each method those that its contract names, and no other', () => {
    const edges = [INGRESS, account('gateway')];
    const services = [...intents.keys()].filter((name) => name !== 'gateway').map((name) => account(name));
    const strangers = [
      account('checkout', 'default'),
      account('checkout', 'weft', 'evil.example'),
      account('default'),
      '',
    ];
    const wrong: string[] = [];
    let tried = 0;
    for (const intent of served) {
      const policy = object(intent.service, 'AuthorizationPolicy');
      for (const { path, callers, users } of methodsOf(intent)) {
        for (const principal of [...edges, ...services, ...strangers]) {
          const expected =
            callers.some((caller) => account(caller) === principal) || (users && edges.includes(principal));
          if (admits(policy, principal, path) !== expected) wrong.push(`${principal} ${path}`);
          tried++;
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(1000);
  });

  it('admits nobody to what no contract names', () => {
    for (const { service } of served) {
      const policy = object(service, 'AuthorizationPolicy');
      expect(policy.spec).toMatchObject({
        action: 'ALLOW',
        selector: { matchLabels: { 'app.kubernetes.io/name': service } },
      });
      for (const path of [
        '/weft.orders.v1.OrdersService/Nothing',
        '/',
        '/weft.orders.v1.OrdersService/PlaceOrderX',
        '*',
      ])
        expect([path, admits(policy, INGRESS, path)]).toEqual([path, false]);
    }
  });

  it('has proxies check access tokens where that is wanted, as the service itself does', () => {
    expect(object('orders', 'RequestAuthentication')).toBeUndefined();
    const { objects } = render('orders', { mesh: { requestAuthentication: true } });
    const settings = objects.get('ConfigMap/orders').data;
    expect(objects.get('RequestAuthentication/orders').spec.jwtRules).toEqual([
      {
        issuer: settings.IDENTITY_ISSUER,
        audiences: [settings.IDENTITY_AUDIENCE],
        jwksUri: settings.IDENTITY_JWKS_URL,
        forwardOriginalToken: true,
      },
    ]);
  });

  it('has proxies make as many spans as the service, at the same collector, where that is wanted', () => {
    const tracing = { endpoint: 'http://otel-collector.observability:4318', percent: 5 };
    const wanted = { tracing, mesh: { tracingProvider: 'otel' } };
    expect(render('orders', wanted).objects.get('Telemetry/orders').spec.tracing).toEqual([
      { providers: [{ name: 'otel' }], randomSamplingPercentage: 5 },
    ]);
    expect(render('orders', wanted).objects.get('Telemetry/orders').spec.accessLogging).toBeUndefined();
    for (const lacking of [{ tracing }, { mesh: wanted.mesh }])
      expect(render('orders', lacking).objects.get('Telemetry/orders')).toBeUndefined();
  });

  it('has proxies tell of what they denied themselves, and of nothing that a service answered, where that is wanted', () => {
    const wanted = { mesh: { accessLogProvider: 'mesh-denials' } };
    const logging = (service: string) => render(service, wanted).objects.get(`Telemetry/${service}`).spec.accessLogging;
    const denied =
      "(response.flags != 0 || (response.code_details != 'via_upstream' && (response.code == 401 || response.code == 403 || " +
      'response.grpc_status == 7 || response.grpc_status == 16)))';
    const expected = (expression: string) => [
      { providers: [{ name: 'mesh-denials' }], match: { mode: 'SERVER' }, filter: { expression } },
    ];
    expect(logging('orders')).toEqual(expected(denied));
    // A path of REST holds whatever a client wrote.
    expect(logging('gateway')).toEqual(expected(`request.url_path.startsWith('/weft.') && ${denied}`));
  });

  it('lets services ask for health and for the keys of access tokens, and for nothing else of an ops port', () => {
    const users = object('users', 'AuthorizationPolicy');
    const orders = object('orders', 'AuthorizationPolicy');
    expect(admits(orders, account('payments'), '/grpc.health.v1.Health/Check')).toBe(true);
    expect(admits(users, account('payments'), '/.well-known/jwks.json', '9464')).toBe(true);
    expect(admits(users, account('payments', 'default'), '/.well-known/jwks.json', '9464')).toBe(false);
    expect(admits(users, account('payments'), '/pending', '9464')).toBe(false);
    expect(admits(orders, account('payments'), '/.well-known/jwks.json', '9464')).toBe(false);
  });

  it('takes its trust domain, its namespace and its edges from values', () => {
    const { objects } = render('orders', { mesh: { trustDomain: 'shop.example', edges: ['edge/door'] } });
    const policy = objects.get('AuthorizationPolicy/orders');
    const path = '/weft.orders.v1.OrdersService/PlaceOrder';
    expect(admits(policy, account('door', 'edge', 'shop.example'), path)).toBe(true);
    expect(admits(policy, INGRESS, path)).toBe(false);
  });

  it('refuses what comes without a certificate of the mesh', () => {
    for (const { service } of served)
      expect(object(service, 'PeerAuthentication').spec).toEqual({
        selector: { matchLabels: { 'app.kubernetes.io/name': service } },
        mtls: { mode: 'STRICT' },
      });
  });

  it('gives each method its time and its attempts: streams have no time, what may not be repeated is not', () => {
    for (const intent of served) {
      const virtualService = object(intent.service, 'VirtualService');
      for (const { name, path, timeoutMs, retries } of methodsOf(intent)) {
        const [route, ...more] = virtualService.spec.http.filter(
          (one: Rendered) => one.match?.[0]?.uri?.exact === path,
        );
        expect([name, more]).toEqual([name, []]);
        expect([path, route.timeout]).toEqual([path, timeoutMs === 0 ? undefined : `${timeoutMs + 250}ms`]);
        expect([path, route.retries]).toEqual([
          path,
          retries === 0
            ? { attempts: 0 }
            : { attempts: retries, perTryTimeout: route.timeout, retryOn: expect.stringContaining('unavailable') },
        ]);
      }
      expect(virtualService.spec.http.at(-1)).toMatchObject({ name: 'rest', retries: { attempts: 0 } });
    }
  });

  it('lets in from outside what end users may call, and nothing that every service serves', () => {
    for (const intent of served) {
      const paths = object(intent.service, 'VirtualService', `${intent.service}-ingress`).spec.http.map(
        (one: Rendered) => one.match[0].uri.exact,
      );
      const own = intent.grpc.filter(({ shared }) => !shared).flatMap(({ methods }) => methods);
      expect(paths).toEqual(own.filter(({ users }) => users).map(({ path }) => path));
    }
  });

  it('lets a service reach whom it calls and the keys of access tokens, and nobody else', () => {
    for (const { service, calls } of served) {
      const { egress, outboundTrafficPolicy } = object(service, 'Sidecar').spec;
      const hosts = [...new Set([...calls, 'users'])].sort().map((name) => `./${name}.weft.svc.cluster.local`);
      expect([service, egress]).toEqual([service, [{ hosts }]]);
      expect(outboundTrafficPolicy).toEqual({ mode: 'REGISTRY_ONLY' });
    }
  });

  it('lets it reach a collector in the cluster as well', () => {
    const hostsWith = (endpoint: string) =>
      render('inventory', { tracing: { endpoint } }).objects.get('Sidecar/inventory').spec.egress[0].hosts.slice(1);
    expect(hostsWith('http://otel.observability:4318')).toEqual(['observability/otel.observability.svc.cluster.local']);
    expect(hostsWith('http://otel.o11y.svc.cluster.local:4318')).toEqual(['o11y/otel.o11y.svc.cluster.local']);
    expect(hostsWith('https://otel.shop.example:4318')).toEqual([]);
  });

  it.each([
    ['a PodMonitor', { podMonitor: { enabled: true } }],
    ['metrics.scrape', { metrics: { scrape: true } }],
  ])('has metrics read without a certificate where %s asks for it, and nothing else', (_, values) => {
    const { objects } = render('orders', values);
    expect(objects.get('PeerAuthentication/orders').spec).toMatchObject({
      mtls: { mode: 'STRICT' },
      portLevelMtls: { 9464: { mode: 'PERMISSIVE' } },
    });
    const open = objects.get('AuthorizationPolicy/orders').spec.rules.filter(({ from }: Rendered) => !from);
    expect(open).toEqual([{ to: [{ operation: { methods: ['GET'], ports: ['9464'], paths: ['/metrics'] } }] }]);
    const watched = ({ spec }: Rendered) => JSON.stringify(spec.ingress).includes('observability');
    expect(watched(objects.get('NetworkPolicy/orders'))).toBe(true);
    expect(watched(object('orders', 'NetworkPolicy'))).toBe(false);
    const closed = object('orders', 'AuthorizationPolicy').spec.rules.filter(({ from }: Rendered) => !from);
    expect(closed).toEqual([]);
  });

  it('changes with a contract', () => {
    const { files } = generate(
      {
        file: 'payments/v1/payments.proto',
        from: /(rpc Refund[\s\S]*?)timeout: \{seconds: 5\}\s+callers: \["checkout"\]/,
        to: '$1timeout: {seconds: 9}\n      callers: ["orders"]',
      },
      {
        file: 'payments/v1/payments.proto',
        from: /(rpc Refund\(.*\n\s+option idempotency_level = )IDEMPOTENT/,
        to: '$1IDEMPOTENCY_UNKNOWN',
      },
    );
    const { objects } = render('payments', {}, files);
    const path = '/weft.payments.v1.PaymentsService/Refund';
    const policy = objects.get('AuthorizationPolicy/payments');
    expect([admits(policy, account('checkout'), path), admits(policy, account('orders'), path)]).toEqual([false, true]);
    const [route] = routesOf(objects.get('VirtualService/payments'), 'Refund');
    expect(route).toMatchObject({ timeout: '9250ms', retries: { attempts: 0 } });
    const sidecar = render('orders', {}, files).objects.get('Sidecar/orders');
    expect(sidecar.spec.egress[0].hosts).toContain('./payments.weft.svc.cluster.local');
    expect(object('orders', 'Sidecar').spec.egress[0].hosts).not.toContain('./payments.weft.svc.cluster.local');
  });
});

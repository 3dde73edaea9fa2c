import { describe, expect, it } from '@jest/globals';
import { hasHelm, type Rendered, render, routesOf } from './render.ts';

const canary = { enabled: true, image: { tag: '0.2.0' }, weight: 10, match: { 'x-canary': 'yes' } };
const slow = { methods: ['PlaceOrder'], headers: { 'x-fault': 'slow' }, delay: { ms: 1500, percent: 50 } };
const broken = { abort: { code: 'UNAVAILABLE', percent: 20 } };

/** What is asked of a call, what is done to it, and where it goes. */
const summary = ({ match, fault, route }: Rendered) => ({
  headers: Object.fromEntries(
    Object.entries<Rendered>(match[0].headers ?? {}).map(([name, { exact }]) => [name, exact]),
  ),
  fault: Object.keys(fault ?? {}),
  to: Object.fromEntries(route.map(({ destination, weight }: Rendered) => [destination.subset, weight])),
});

(hasHelm ? describe : describe.skip)('with helm on the path, charts/service', () => {
  it('sends everything to the stable pods without a canary', () => {
    const { objects } = render('orders');
    expect(routesOf(objects.get('VirtualService/orders'), 'PlaceOrder').map(summary)).toEqual([
      { headers: {}, fault: [], to: { stable: 100 } },
    ]);
    expect(objects.get('DestinationRule/orders').spec.subsets.map(({ name }: Rendered) => name)).toEqual(['stable']);
    expect(objects.has('Deployment/orders-canary')).toBe(false);
  });

  it('has a canary as a Deployment of its own with its share of the calls, and with those that ask for it', () => {
    const { objects } = render('orders', { image: { tag: '0.1.0' }, canary });
    for (const name of ['orders', 'orders-ingress'])
      expect(routesOf(objects.get(`VirtualService/${name}`), 'GetOrder').map(summary)).toEqual([
        { headers: { 'x-canary': 'yes' }, fault: [], to: { canary: 100 } },
        { headers: {}, fault: [], to: { stable: 90, canary: 10 } },
      ]);
    const [stable, second] = ['orders', 'orders-canary'].map((name) => objects.get(`Deployment/${name}`));
    expect(second.spec.template.spec.containers[0].image).toBe('weft/orders:0.2.0');
    expect(stable.spec.template.spec.containers[0].image).toBe('weft/orders:0.1.0');
    for (const { name, labels } of objects.get('DestinationRule/orders').spec.subsets) {
      const deployment = objects.get(`Deployment/${name === 'stable' ? 'orders' : 'orders-canary'}`);
      expect(deployment.spec.template.metadata.labels).toMatchObject(labels);
      expect(deployment.spec.selector.matchLabels).toMatchObject(labels);
    }
    expect(second.spec.template.metadata.labels).toMatchObject(objects.get('Service/orders').spec.selector);
  });

  it('shares the HTTP of an edge as it shares gRPC, from inside and from outside', () => {
    const ways = (values: object): Rendered[][] => {
      const { objects } = render('gateway', values);
      return [
        ...['http', 'http-reads'].map((name) => routesOf(objects.get('VirtualService/gateway'), name)),
        ...['edge', 'edge-reads'].map((name) => routesOf(objects.get('VirtualService/gateway-http'), name)),
      ];
    };
    const headersIn = (one: Rendered) => one.headers;
    for (const routes of ways({ canary })) {
      expect(routes.map((one) => summary(one).to)).toEqual([{ canary: 100 }, { stable: 90, canary: 10 }]);
      expect(routes[0].match.map(headersIn)).toEqual(routes[0].match.map(() => ({ 'x-canary': { exact: 'yes' } })));
      expect(routes[1].match.filter(headersIn)).toEqual([]);
      for (const { destination } of routes.flatMap(({ route }: Rendered) => route))
        expect(destination.port).toEqual({ number: 8080 });
    }
    for (const routes of ways({})) expect(routes.map((one) => summary(one).to)).toEqual([{ stable: 100 }]);
  });

  it('asks another pod of an edge where one refuses what only reads, and nothing else twice', () => {
    const { objects } = render('gateway', { canary });
    for (const name of ['gateway', 'gateway-http']) {
      const ways: Rendered[] = objects.get(`VirtualService/${name}`).spec.http;
      const again = ways.filter(({ retries }) => retries?.attempts > 0);
      expect(again.map((one) => one.name)).toEqual(Array(2).fill(name === 'gateway' ? 'http-reads' : 'edge-reads'));
      for (const { match, retries } of again) {
        expect(retries.retryOn.split(',')).toContain('503');
        for (const one of match) expect(one.method).toEqual({ regex: 'GET|HEAD' });
      }
      // The first that fits is taken.
      expect(ways.indexOf(again.at(-1))).toBeLessThan(
        ways.findIndex((one) => one.name === again[0].name.replace('-reads', '')),
      );
    }
  });

  it('has as many pods of each track as values say, none at all included, and leaves them to a scaler', () => {
    const replicas = (values: object) => {
      const { objects } = render('orders', values);
      return ['orders', 'orders-canary'].map((name) => objects.get(`Deployment/${name}`)?.spec.replicas);
    };
    expect(replicas({ replicas: 0, canary: { ...canary, replicas: 0 } })).toEqual([0, 0]);
    expect(replicas({ replicas: 3, canary: { ...canary, replicas: 2 } })).toEqual([3, 2]);
    expect(replicas({ replicas: 0, autoscaling: { enabled: true } })).toEqual([undefined, undefined]);
  });

  it('makes of canary and faults one object: each way of a method once, narrow ones first, with its time and attempts', () => {
    const { objects } = render('orders', { canary, faults: [slow, broken] });
    const routes = routesOf(objects.get('VirtualService/orders'), 'PlaceOrder');
    const shared = { stable: 90, canary: 10 };
    expect(routes.map(summary)).toEqual([
      { headers: { 'x-canary': 'yes', 'x-fault': 'slow' }, fault: ['delay'], to: { canary: 100 } },
      { headers: { 'x-fault': 'slow' }, fault: ['delay'], to: shared },
      { headers: { 'x-canary': 'yes' }, fault: ['abort'], to: { canary: 100 } },
      { headers: {}, fault: ['abort'], to: shared },
    ]);
    for (const route of routes) expect(route).toMatchObject({ timeout: '5250ms', retries: { attempts: 2 } });
    expect(routes[0].fault.delay).toEqual({ fixedDelay: '1500ms', percentage: { value: 50 } });
    expect(routes[3].fault.abort).toEqual({ grpcStatus: 'UNAVAILABLE', percentage: { value: 20 } });
    const other = routesOf(objects.get('VirtualService/orders'), 'GetOrder');
    expect(other.map((one) => summary(one).headers)).toEqual([{ 'x-canary': 'yes' }, {}]);
  });

  it.each<[string, object, RegExp]>([
    ['a weight of more than everything', { canary: { ...canary, weight: 101 } }, /canary.weight/],
    ['a canary without an image', { canary: { enabled: true, weight: 1 } }, /canary.image needs a tag or a digest/],
    ['a canary without a mesh', { canary, mesh: { enabled: false } }, /canary.enabled needs mesh.enabled/],
    ['a fault that does nothing', { faults: [{ methods: ['PlaceOrder'] }] }, /faults.0/],
    ['a status that gRPC has not', { faults: [{ abort: { code: 'BROKEN', percent: 1 } }] }, /faults.0.abort.code/],
    [
      'two ways to share calls between regions',
      { mesh: { locality: { failover: [{ from: 'a', to: 'b' }], distribute: [{ from: 'a', to: { a: 100 } }] } } },
      /mesh.locality has failover or distribute, not both/,
    ],
    ['a setting of the mesh that there is not', { mesh: { timeoutSlack: 1 } }, /mesh/],
  ])('refuses %s', (_, values, reason) => expect(render('orders', values).refusal).toMatch(reason));

  it('has the next region where pods are ejected', () => {
    const failover = [{ from: 'eu-west', to: 'eu-central' }];
    const { trafficPolicy } = render('orders', { mesh: { locality: { failover } } }).objects.get(
      'DestinationRule/orders',
    ).spec;
    expect(trafficPolicy.loadBalancer.localityLbSetting).toEqual({ enabled: true, failover });
    expect(trafficPolicy.outlierDetection).toMatchObject({ consecutiveGatewayErrors: 5, maxEjectionPercent: 50 });
    const alone = render('orders').objects.get('DestinationRule/orders').spec.trafficPolicy;
    expect(alone.loadBalancer).toEqual({ simple: 'LEAST_REQUEST', warmup: { duration: '15s', minimumPercent: 10 } });
  });

  it('gives a pod that has just come its share little by little, before the one that it replaces goes', () => {
    const { objects } = render('orders', { mesh: { warmup: { seconds: 40, fromPercent: 5 } } });
    const { loadBalancer } = objects.get('DestinationRule/orders').spec.trafficPolicy;
    expect(loadBalancer).toEqual({ simple: 'LEAST_REQUEST', warmup: { duration: '40s', minimumPercent: 5 } });
    expect(objects.get('Deployment/orders').spec.minReadySeconds).toBe(10);
    const atOnce = render('orders', { mesh: { warmup: { seconds: 0 } }, rollout: { minReadySeconds: 0 } }).objects;
    const rule = atOnce.get('DestinationRule/orders').spec;
    expect(rule.trafficPolicy.loadBalancer).toEqual({ simple: 'LEAST_REQUEST' });
    expect(atOnce.get('Deployment/orders').spec.minReadySeconds).toBe(0);
  });

  it('has no object of Istio without a mesh', () => {
    const { text } = render('orders', { mesh: { enabled: false } });
    expect(text).not.toContain('istio.io/v1');
  });
});

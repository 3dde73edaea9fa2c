import { readFile } from 'node:fs/promises';
import { defineStateless, type Listener } from '@weft/kit/module';
import { orderFull } from './aggregates/order-full.ts';
import { followEvents } from './cache/follow-events.ts';
import { memoryCopies } from './cache/memory.ts';
import { createCopies } from './cache/read-through.ts';
import { redisCopies } from './cache/redis.ts';
import { contracts, events, serviceOf } from './clients/contracts.ts';
import { openapiTexts } from './clients/openapi.ts';
import { versions } from './clients/versions.ts';
import { settings } from './config.ts';
import { answerConnect } from './connect/answer.ts';
import { answerStandard } from './connect/standard.ts';
import { answerDocs } from './docs/answer.ts';
import { answerKeys } from './docs/keys.ts';
import type { Arrival } from './edge/arrival.ts';
import { createEdge, type EncodedClient } from './edge/edge.ts';
import { edgeMethods, encodedService } from './edge/methods.ts';
import { createHandler } from './http/handler.ts';
import { type ListenOptions, listenH2c, listenHttp1, listenTls } from './http/listeners.ts';
import { answerNothing } from './http/nothing.ts';
import { placesOfEach } from './limits/connections.ts';
import { createRateLimits } from './limits/rate-limits.ts';
import { checkRedis, openRedis } from './limits/redis.ts';
import { createStreamLimits } from './limits/streams.ts';
import { gatewayMetrics } from './metrics/gateway-metrics.ts';
import { startShedding } from './resilience/shedding.ts';
import { createUpstreams } from './resilience/upstream.ts';
import { answerRest } from './rest/answer.ts';
import { createLinks } from './rest/links.ts';
import { routesOf } from './rest/routes.ts';
import { assertViews } from './rest/views.ts';

/** The front door: every method that a contract gives to end users, by REST, Connect, gRPC-Web and gRPC. */
export const gateway = defineStateless({
  name: 'gateway',
  needs: contracts.map(serviceOf),
  settings,
  create({ config, client, bus, logger, observers, inFlight, verifyToken, startTrace, meter }) {
    const methods = edgeMethods(contracts);
    const metrics = gatewayMetrics(meter);
    const redis = config.redisUrl === '' ? undefined : openRedis(config.redisUrl, logger);
    const keeping = redis ? redisCopies(redis) : memoryCopies();
    const store = config.copies ? keeping : undefined;
    const copies = createCopies({
      store,
      methods: methods.values(),
      now: Date.now,
      onLookup: metrics.lookups(methods.values()),
    });
    const stopping = new AbortController();
    let serving = true;
    const isServing = () => serving;
    const shedding = startShedding(config.shedDelay);
    metrics.observeDelay(shedding.delay);
    const clients = new Map(
      contracts.map((descriptor) => {
        const service = serviceOf(descriptor);
        return [service, client(service, encodedService(descriptor), descriptor) as unknown as EncodedClient];
      }),
    );
    const openStream = createStreamLimits({
      all: config.maxStreams,
      service: config.maxStreamsService,
      each: config.maxStreamsEach,
    });
    const upstream = createUpstreams({
      breaker: { failures: config.breakerFailures, pause: config.breakerPause, now: () => performance.now() },
      bulkhead: { calls: config.bulkheadCalls, queue: config.bulkheadQueue },
    });
    metrics.observeUpstreams(contracts.map(serviceOf), upstream);
    const edge = createEdge({
      verifyToken,
      limits: createRateLimits({ standard: config.rateLimit, overrides: config.rateLimits, redis }),
      shedding,
      client: (service) => clients.get(service) as EncodedClient,
      upstream,
      openStream,
      readWithin: config.readWithin,
      stopping: stopping.signal,
      copies,
      observers: [...observers, metrics.observe],
      inFlight,
    });
    const { router, routes } = routesOf(methods.values(), versions);
    const linksOf = createLinks(routes);
    const views = [orderFull({ edge, methods, linksOf })];
    assertViews(methods.values(), views);
    const onUnexpected = (err: unknown, { correlationId, trace: { traceId } }: Arrival) =>
      logger.error({ err, correlationId, traceId }, 'a request failed at the edge');
    const handle = createHandler({
      corsOrigins: config.corsOrigins,
      proxies: config.trustedProxies,
      startTrace,
      isServing,
      onUnexpected,
      answerers: [
        answerRest({
          edge,
          router,
          linksOf,
          views,
          bodyTimeout: config.requestTimeout,
          onUnexpected,
        }),
        answerConnect({
          edge,
          methods,
          shutdown: stopping.signal,
          bodyTimeout: config.requestTimeout,
          onUnexpected,
        }),
        answerStandard({
          services: contracts,
          isServing,
          shedding,
          openStream,
          bodyTimeout: config.requestTimeout,
        }),
        answerDocs(openapiTexts),
        answerKeys({ url: config.oidcIssuer === '' ? config.jwksUrl : undefined, now: Date.now }),
        answerNothing,
      ],
    });
    const follows = store ? events.filter(({ type }) => copies.types.includes(type)) : [];
    const following = store && followEvents(bus, follows, copies, logger);
    const listening: ListenOptions = {
      host: config.httpHost || config.grpcHost,
      handle,
      maxConnections: config.maxConnections,
      maxConnectionsEach: placesOfEach(config),
      headersTimeout: config.headersTimeout,
      requestTimeout: config.requestTimeout,
      idleTimeout: config.idleTimeout,
    };
    return {
      // Without them limits are counted in memory, and copies are not fresh.
      dependencies: {
        ...(redis && { redis: { check: () => checkRedis(redis), optional: true } }),
        ...(following && { bus: { check: () => bus.check(), optional: true } }),
      },
      follows,
      async listen(): Promise<readonly Listener[]> {
        const announceStop = () => {
          serving = false;
        };
        const open: Listener[] = [];
        try {
          open.push(await listenHttp1(config.httpPort, listening));
          const h2c = await listenH2c(config.grpcPort, { ...listening, host: config.grpcHost });
          open.push({ ...h2c, announceStop });
          if (config.tlsCertFile === '') return open;
          const [cert, key] = await Promise.all([readFile(config.tlsCertFile), readFile(config.tlsKeyFile)]);
          open.push(await listenTls(config.tlsPort, { cert, key }, listening));
          return open;
        } catch (error) {
          await Promise.all(open.map((one) => one.stop(0)));
          throw error;
        }
      },
      workers: [
        {
          start: () => following?.start(),
          async stop() {
            stopping.abort();
            shedding.stop();
            await following?.stop();
            redis?.disconnect();
          },
        },
      ],
    };
  },
});

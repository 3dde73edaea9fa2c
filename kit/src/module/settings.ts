import { setting } from '../config/index.ts';
import { LOG_LEVELS } from '../telemetry/index.ts';

/** Settings of a process, whatever services it runs. */
export const processSettings = {
  logLevel: setting.choice('LOG_LEVEL', LOG_LEVELS, { fallback: 'info' }),
  logFormat: setting.choice('LOG_FORMAT', ['json', 'pretty'], { fallback: 'json' }),
  opsHost: setting.text('OPS_HOST', { fallback: '127.0.0.1' }),
  opsPort: setting.port('OPS_PORT', { fallback: 9464 }),
  otlpEndpoint: setting.text('OTEL_EXPORTER_OTLP_ENDPOINT', { fallback: '' }),
  otlpMetricsUrl: setting.httpUrl('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', { fallback: '' }),
  metricsInterval: setting.integer(
    'OTEL_METRIC_EXPORT_INTERVAL',
    { low: 1_000, high: 3_600_000 },
    { fallback: 60_000 },
  ),
  traceRatioPercent: setting.integer('TRACE_PERCENT', { low: 0, high: 100 }, { fallback: 100 }),
  traceSlow: setting.milliseconds('TRACE_SLOW_MS', { fallback: 1_000 }),
  /** Who calls: a name that is believed from this machine only, or what the mesh has verified. Never both. */
  callerIdentity: setting.choice('CALLER_IDENTITY', ['loopback', 'mesh'], { fallback: 'loopback' }),
  meshTrustDomain: setting.text('MESH_TRUST_DOMAIN', { fallback: 'cluster.local' }),
  meshNamespace: setting.text('MESH_NAMESPACE', { fallback: 'weft' }),
  /** How services find each other: where their settings say, or in a registry in which all of them are. */
  discovery: setting.choice('DISCOVERY', ['static', 'registry'], { fallback: 'static' }),
  drainDelay: setting.milliseconds('DRAIN_DELAY_MS', { fallback: 0 }),
  stopTimeout: setting.milliseconds('STOP_TIMEOUT_MS', { fallback: 4500 }),
};

/** Settings that every service has. Each is read with the service's own prefix first: ORDERS_GRPC_PORT, then GRPC_PORT. */
export const serviceSettings = {
  grpcHost: setting.text('GRPC_HOST', { fallback: '127.0.0.1' }),
  grpcPort: setting.port('GRPC_PORT', { fallback: 50051 }),
  /** What callers know it by, where that is not where it listens. */
  advertisedHost: setting.text('ADVERTISED_HOST', { fallback: '' }),
  jwksUrl: setting.httpUrl('IDENTITY_JWKS_URL'),
  issuer: setting.text('IDENTITY_ISSUER', { fallback: 'weft' }),
  audience: setting.text('IDENTITY_AUDIENCE', { fallback: 'weft' }),
  oidcIssuer: setting.text('IDENTITY_OIDC_ISSUER', { fallback: '' }),
  algorithm: setting.choice('IDENTITY_ALGORITHM', ['EdDSA', 'ES256', 'RS256', 'PS256'], { fallback: 'EdDSA' }),
  rolesClaim: setting.text('IDENTITY_ROLES_CLAIM', { fallback: 'roles' }),
  retries: setting.flag('CLIENT_RETRIES', { fallback: true }),
};

/** Settings of the registry in which services find each other where DISCOVERY is registry. */
export const registrySettings = {
  registryUrl: setting.natsUrl('REGISTRY_URL'),
  registryTtl: setting.milliseconds('REGISTRY_TTL_MS', { fallback: 10_000 }),
  natsCaFile: setting.text('NATS_CA_FILE', { fallback: '' }),
  natsCertFile: setting.text('NATS_CERT_FILE', { fallback: '' }),
  natsKeyFile: setting.text('NATS_KEY_FILE', { fallback: '' }),
};

/** Settings of a service that keeps something. */
export const storeSettings = {
  /** So long a start waits for its database and its bus. */
  startWait: setting.milliseconds('START_WAIT_MS', { fallback: 20_000 }),
  databaseUrl: setting.postgresUrl('DATABASE_URL'),
  databaseConnections: setting.integer('DATABASE_CONNECTIONS', { low: 2, high: 100 }, { fallback: 10 }),
};

/** Settings of the bus on PostgreSQL, which a service has where no NATS_URL is set. */
export const postgresBusSettings = {
  busUrl: setting.postgresUrl('BUS_DATABASE_URL'),
};

/** Settings of the bus on NATS JetStream. */
export const jetStreamSettings = {
  natsUrl: setting.natsUrl('NATS_URL'),
  natsCaFile: setting.text('NATS_CA_FILE', { fallback: '' }),
  natsCertFile: setting.text('NATS_CERT_FILE', { fallback: '' }),
  natsKeyFile: setting.text('NATS_KEY_FILE', { fallback: '' }),
  natsReplicas: setting.integer('NATS_REPLICAS', { low: 1, high: 5 }, { fallback: 1 }),
  natsStorage: setting.choice('NATS_STORAGE', ['file', 'memory'], { fallback: 'file' }),
  natsRetentionHours: setting.integer('NATS_RETENTION_HOURS', { low: 0, high: 87_600 }, { fallback: 0 }),
  natsDuplicateWindow: setting.milliseconds('NATS_DUPLICATE_WINDOW_MS', { fallback: 120_000 }),
  natsAckWait: setting.milliseconds('NATS_ACK_WAIT_MS', { fallback: 10_000 }),
};

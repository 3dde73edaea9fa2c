const NPM = 'node_modules/';
const SERVICE = '^services/(?!all/)([^/]+)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'resolves',
      severity: 'error',
      comment: 'An import that cannot be resolved passes every other rule.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Modules in a circle cannot be understood, tested or started one by one.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'kit-knows-no-service',
      severity: 'error',
      comment: 'The kit is what every service stands on.',
      from: { path: '^kit/' },
      to: { path: '^(services|clients|tests|scripts)/' },
    },
    {
      name: 'gen-knows-nobody',
      severity: 'error',
      comment: 'Generated code follows the contracts and nothing else.',
      from: { path: '^gen/' },
      to: { path: '^(kit|services|clients|tests|scripts)/' },
    },
    {
      name: 'services-are-strangers',
      severity: 'error',
      comment: 'Services meet through contracts: calls and events.',
      from: { path: SERVICE },
      to: { path: '^(services|clients|tests|scripts)/', pathNot: '^services/$1/' },
    },
    {
      name: 'all-enters-by-module',
      severity: 'error',
      comment: 'services/all is the list of modules: it sees of a service what its module.ts offers.',
      from: { path: '^services/all/' },
      to: { path: '^(services|clients)/', pathNot: '^services/(all/|[^/]+/src/module\\.ts$)' },
    },
    {
      name: 'clients-call',
      severity: 'error',
      comment:
        'A client talks to services over their contracts; it may start the embedded system, which is one module.',
      from: { path: '^clients/' },
      to: { path: '^services/', pathNot: '^services/all/src/embedded/index\\.ts$' },
    },
    {
      name: 'kit-by-its-rooms',
      severity: 'error',
      comment: 'A room of the kit is entered through its index.ts, by its package name.',
      from: { path: '^(services|clients)/' },
      to: { path: '^kit/', pathNot: '^kit/src/[^/]+/index\\.ts$' },
    },
    {
      name: 'domain-is-pure',
      severity: 'error',
      comment: 'No I/O, no generated code, no clock and no randomness of its own: only domain and the kit’s failures.',
      from: { path: '^services/([^/]+)/src/domain/' },
      to: { pathNot: '^(services/$1/src/domain/|kit/src/failure/index\\.ts$)' },
    },
    {
      name: 'contracts-stay-at-the-edge',
      severity: 'error',
      comment: 'transport/, clients/ and events/ map generated types in and out; nothing further in sees them.',
      from: { path: '^services/[^/]+/src/', pathNot: '^services/[^/]+/src/(transport|clients|events)/' },
      to: { path: '^gen/' },
    },
    {
      name: 'kit-database-in-store',
      severity: 'error',
      comment:
        'In the kit, only the store and the PostgreSQL bus speak to a database; kit/testing makes and drops them.',
      from: { path: '^kit/src/', pathNot: '^kit/src/(store|events/postgres|testing)/' },
      to: { path: `${NPM}(@types/)?(pg|pg-[^/]+|kysely)/` },
    },
    {
      name: 'telemetry-sdk-in-telemetry',
      severity: 'error',
      comment: 'The rest of the repository sees @opentelemetry/api at most.',
      from: { pathNot: '^(kit/src/telemetry/|node_modules/)' },
      to: { path: `${NPM}@opentelemetry/(sdk|exporter|otlp|resources)` },
    },
    {
      name: 'nats-in-jetstream',
      severity: 'error',
      comment:
        'The bus is a port; one driver knows NATS, and its tests and its benchmark look over its shoulder. So does the registry.',
      from: {
        pathNot:
          '^(kit/src/(events/jetstream|discovery)/|kit/test/(events|discovery)/|tests/bench/events/|node_modules/)',
      },
      to: { path: `${NPM}@nats-io/` },
    },
  ],
  options: {
    // TypeScript 7 has no compiler API to parse with.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(kit|services|clients|tests)/.*/?(dist|coverage)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'default', 'types'],
      extensions: ['.ts', '.js', '.cjs', '.mjs', '.d.ts', '.json'],
    },
  },
};

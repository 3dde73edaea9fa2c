/** @type {import('jest').Config} */
export default {
  roots: ['kit', 'services', 'clients', 'tests'].map((folder) => `<rootDir>/${folder}`),
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  testTimeout: 60_000,
  maxWorkers: 2,
  // What a test file has loaded is never let go of, and collecting a gigabyte of it stops the clocks of the next one for seconds.
  workerIdleMemoryLimit: '400MB',
  injectGlobals: false,
  extensionsToTreatAsEsm: ['.ts'],
  // Linked workspaces resolve to where they really are, outside node_modules, and are transformed like the rest.
  transformIgnorePatterns: ['/node_modules/'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript' },
          transform: { verbatimModuleSyntax: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['/\\.weft/', '/dist/'],
  globalSetup: '<rootDir>/tests/setup/global-setup.ts',
  globalTeardown: '<rootDir>/tests/setup/global-teardown.ts',
  reporters: ['default', '<rootDir>/tests/setup/summary-reporter.js'],
};

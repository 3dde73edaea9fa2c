export { type Booted, boot } from './boot.ts';
export { eventually } from './eventually.ts';
export { testIdentity } from './identity.ts';
export { type TestDatabase, testDatabase } from './postgres.ts';
export { type BootedProcesses, bootProcesses, type ProcessSpec } from './processes.ts';
export { refusal } from './refusal.ts';
export { type ServedStub, serveStub } from './serve-stub.ts';
export { some } from './some.ts';
export { type As, freePort } from './stage.ts';

export { type As, type Booted, type BootOptions, boot, freePort } from './boot.ts';
export { eventually } from './eventually.ts';
export { testIdentity } from './identity.ts';
export { type TestDatabase, testDatabase } from './postgres.ts';
export { refusal } from './refusal.ts';
export { type ServedStub, serveStub } from './serve-stub.ts';
export { some } from './some.ts';

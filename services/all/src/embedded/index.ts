export { type DatabaseRequest, ensureDatabases } from './databases.ts';
export { EmbeddedPostgresError } from './errors.ts';
export type { EmbeddedLogger } from './logger.ts';
export { findEmbeddedPostgres } from './running.ts';
export type { Settings } from './server.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './start.ts';
export { startEmbeddedPostgres } from './start.ts';
export { withLogin } from './urls.ts';

export { status } from '@grpc/grpc-js';
export { authorize } from './authorization.ts';
export { callSpans } from './call-spans.ts';
export { type CallOptions, type ClientOf, type ClientOptions, createClient } from './client.ts';
export type { CallContext, User } from './context.ts';
export { type MethodContract, methodContracts, type RoleName } from './contract.ts';
export { type Dependency, type HealthCheck, watchDependencies } from './dependencies.ts';
export { isFault, type Outcome, outcomeOf, RemoteError } from './errors.ts';
export type { HealthState } from './health.ts';
export {
  bearerToken,
  createTokenVerifier,
  type RenewingVerifier,
  type TokenOptions,
  type TokenVerifier,
} from './identity.ts';
export { MAX_MESSAGE_BYTES } from './limits.ts';
export { LocalServers } from './local-calls.ts';
export { type CallerIdentity, meshCallers } from './mesh-identity.ts';
export type { MethodConcerns, Operation } from './method.ts';
export { accessLog, callMetrics, type EndedCall, type Observer, tell } from './observation.ts';
export { actsFor, isStaff, maySee } from './ownership.ts';
export { reflection } from './reflection.ts';
export { type GrpcServer, startGrpcServer } from './server.ts';
export { type GeneratedService, type HandlersOf, type ServiceBinding, serveService } from './service.ts';

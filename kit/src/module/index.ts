export { type FactsWork, factsWorker, type Stalled, type WithHeaders } from './facts-worker.ts';
export { main, READY, type Running } from './main.ts';
export { inDependencyOrder, type Module, startModules, stopModules } from './module.ts';
export type { OpsRoute } from './ops-server.ts';
export { periodic } from './periodic.ts';
export {
  type AnyService,
  defineService,
  defineStateless,
  type Listener,
  type Runtime,
  type ServiceParts,
  type ServiceRuntime,
  type ServiceSpec,
  type StatelessParts,
  type StatelessSpec,
  type Worker,
} from './service.ts';
export { readSettings, run, type System, startSystem } from './system.ts';
export { StepFailed, type Steps, takeSteps } from './take-steps.ts';
export { type RunWork, workSpans } from './work-spans.ts';

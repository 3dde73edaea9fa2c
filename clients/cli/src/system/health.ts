import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { ServiceName, Targets } from './targets.ts';
import { SERVICES } from './targets.ts';

/** What a service says of itself, or why it says nothing. */
export interface ServiceHealth {
  readonly service: ServiceName;
  readonly target: string;
  /** SERVING, NOT_SERVING, SERVICE_UNKNOWN, or the name of the status code that the question ended with. */
  readonly health: string;
  /** How long the answer took. */
  readonly milliseconds: number;
}

const CHECK = '/grpc.health.v1.Health/Check';
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Asks every service for the health of what it is meant to serve. */
export function checkHealth(targets: Targets, timeoutMs: number): Promise<ServiceHealth[]> {
  return Promise.all(SERVICES.map((service) => checkService(service, targets[service], timeoutMs)));
}

async function checkService(service: ServiceName, target: string, timeoutMs: number): Promise<ServiceHealth> {
  const client = new Client(target, credentials.createInsecure(), { 'grpc.service_config_disable_resolution': 1 });
  const start = performance.now();
  const name = `weft.${service}.v1.${service[0]?.toUpperCase()}${service.slice(1)}Service`;
  const health = await new Promise<string>((resolve) => {
    const ended = (error: ServiceError | null, answer: string | undefined) => {
      resolve(error ? (status[error.code] ?? 'UNKNOWN') : (answer ?? 'UNKNOWN'));
    };
    client.makeUnaryRequest(CHECK, encodeRequest, decodeResponse, name, { deadline: Date.now() + timeoutMs }, ended);
  });
  client.close();
  return { service, target, health, milliseconds: Math.round(performance.now() - start) };
}

/** grpc.health.v1.HealthCheckRequest: field 1 is the name, always shorter than 128 bytes. */
function encodeRequest(name: string): Buffer {
  const bytes = Buffer.from(name);
  return Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
}

/** grpc.health.v1.HealthCheckResponse: field 1 is the status, one byte. */
function decodeResponse(bytes: Buffer): string {
  const value = bytes[0] === 0x08 ? bytes[1] : 0;
  return STATUSES[value ?? 0] ?? 'UNKNOWN';
}

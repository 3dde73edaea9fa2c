export type Name = 'otelcol' | 'jaeger' | 'prometheus' | 'alertmanager' | 'loki' | 'grafana';

/** Where each listens, unless OBSERVED_…_PORT says otherwise. */
export const PORTS = {
  otlp: 4318,
  otlp_grpc: 4317,
  prometheus: 9090,
  alertmanager: 9093,
  loki: 3100,
  loki_grpc: 9095,
  grafana: 3000,
} as const;

/** What a program is started with: where it finds the others, and where it keeps its data. */
export interface Here {
  /** k8s/observability. */
  readonly stack: string;
  readonly folder: string;
  readonly ports: Readonly<Record<keyof typeof PORTS, number>>;
  /** Where those that are on the path are. */
  readonly found: Readonly<Partial<Record<Name, string>>>;
  /** Where the lines of the services are written. */
  readonly linesFile: string;
  /** Of the services, where they tell their metrics; the first is always there. */
  readonly opsPorts: readonly number[];
}

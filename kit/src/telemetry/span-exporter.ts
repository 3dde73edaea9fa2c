import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { EXPORT_TIMEOUT_MS } from './export-limits.ts';

type Export = SpanExporter['export'];
type Result = Parameters<Parameters<Export>[1]>[0];

/** Is told when spans begin to be lost at the collector, with the reason, and when it takes them again. */
export type OnSending = (failure: Error | undefined) => void;

/** Sends spans by OTLP over HTTP. A failure has the name of its cause, by which it is counted. */
export class OtlpSpanExporter extends OTLPTraceExporter {
  readonly #onSending: OnSending;
  #failed = false;

  constructor(endpoint: string, onSending: OnSending) {
    super({ url: `${endpoint.replace(/\/$/, '')}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS });
    this.#onSending = onSending;
  }

  override export(...[spans, done]: Parameters<Export>): void {
    super.export(spans, (result) => {
      const failure = result.error && named(result.error);
      if (this.#failed !== (failure !== undefined)) this.#onSending(failure);
      this.#failed = failure !== undefined;
      done({ ...result, ...(failure && { error: failure }) } as Result);
    });
  }
}

/** HTTP's status, the system's code, or what it was that took too long: `Error` says nothing. */
function named(error: Error & { readonly code?: unknown }): Error {
  const { code, message } = error;
  if (code !== undefined) error.name = String(code);
  else if (/timed? ?out/i.test(message)) error.name = 'TIMEOUT';
  return error;
}

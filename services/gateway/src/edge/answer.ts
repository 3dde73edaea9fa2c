/** What a service answered, encoded. */
export interface Answer {
  readonly bytes: Uint8Array;
  /** Seconds since a copy was made; undefined where the service itself has answered. */
  readonly age: number | undefined;
  /** The copy stands in for a service that does not answer. */
  readonly stale: boolean;
}

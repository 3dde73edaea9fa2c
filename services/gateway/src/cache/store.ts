/** How a service said that there is no such thing. */
export interface Absence {
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A copy of an answer, or of NOT_FOUND. */
export interface Copy {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly bytes?: Uint8Array;
  readonly absent?: Absence;
}

/** Copies of answers by aggregate, and among those by who asks for what. Neither way of keeping them ever throws. */
export interface CopyStore {
  get(aggregate: string, variant: string): Promise<Copy | undefined>;
  /** @param keep milliseconds */
  put(aggregate: string, variant: string, copy: Copy, keep: number): Promise<void>;
  /** Forgets every copy of an aggregate. */
  end(aggregate: string): Promise<void>;
}

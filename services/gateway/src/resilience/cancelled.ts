import { RemoteError, status } from '@weft/kit/rpc';

/** The client went away before there was an answer. */
export class Cancelled extends RemoteError {
  constructor() {
    super(status.CANCELLED, 'CANCELLED', 'the caller cancelled');
  }
}

/** The client's own time ran out before there was an answer. */
export class TimeOver extends RemoteError {
  constructor() {
    super(status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED', 'the deadline passed');
  }
}

import { RemoteError, status } from '@weft/kit/rpc';

/** The client went away, or its time ran out, before the service was asked. */
export class Cancelled extends RemoteError {
  constructor() {
    super(status.CANCELLED, 'CANCELLED', 'the caller cancelled');
  }
}

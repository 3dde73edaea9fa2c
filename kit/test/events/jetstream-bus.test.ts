import { busSuite } from '../../src/testing/bus-suite.ts';
import { describeJetStream, openJetStream } from './drivers.ts';

describeJetStream('with nats-server on the path', () =>
  // Dead letters are a consumer of their own, which any instance may have in hand.
  busSuite('jetstream', openJetStream, { redrivesInTurn: false }),
);

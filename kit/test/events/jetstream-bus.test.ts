import { busSuite } from '../../src/testing/bus-suite.ts';
import { describeJetStream, openJetStream } from './drivers.ts';

describeJetStream('with nats-server on the path', () => busSuite('jetstream', openJetStream));

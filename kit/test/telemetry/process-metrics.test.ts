import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { it } from '@jest/globals';
import { createMetrics } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { startOpsServer } from '../../src/module/ops-server.ts';

it('connections that callers opened are told apart from those that the process opened', async () => {
  const metrics = createMetrics('1');
  const ops = await startOpsServer('127.0.0.1', 0, metrics);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const told = async () => {
    const answer = await fetch(`http://127.0.0.1:${ops.port}/metrics`, { headers: { connection: 'close' } });
    const text = await answer.text();
    const of = (direction: string) =>
      Number(new RegExp(`^weft_process_connections\\{.*direction="${direction}".*\\} (\\d+)`, 'm').exec(text)?.[1]);
    return [of('inbound'), of('outbound')];
  };
  try {
    const [inbound = 0, outbound = 0] = await told();
    const callers = [0, 1].map(() => connect((server.address() as AddressInfo).port, '127.0.0.1'));
    await Promise.all(callers.map((one) => once(one, 'connect')));
    await eventually(async () => {
      const [accepted, opened] = await told();
      return accepted === inbound + 2 && opened === outbound + 2;
    });
    for (const one of callers) one.destroy();
    await eventually(async () => {
      const [accepted, opened] = await told();
      return accepted === inbound && opened === outbound;
    });
  } finally {
    server.close();
    await ops.stop();
    await metrics.stop();
  }
});

import { ConfigError } from '@weft/kit/config';
import { main, type Running } from '../../src/module/main.ts';

const life = process.argv[2] ?? '';
// Holds the process open, as its servers would.
const busy = setInterval(() => {}, 1000);

const lives: Record<string, () => Promise<Running>> = {
  well: async () => ({
    stopTimeout: 5000,
    stop: async () => {
      process.stdout.write('stopped\n');
      clearInterval(busy);
    },
  }),
  stuck: async () => ({ stopTimeout: 200, stop: () => new Promise<never>(() => {}) }),
  // Longer than a start may go on that is told to stop.
  'slow to stop': async () => ({
    stopTimeout: 10_000,
    stop: () => new Promise((resolve) => setTimeout(resolve, 4_500)),
  }),
  'fails to stop': async () => ({
    stopTimeout: 5000,
    stop: async () => {
      throw new Error('the database\n  is gone');
    },
  }),
  'fails to start': async () => {
    throw new Error('port 50051 on 127.0.0.1 is in use');
  },
  refused: async () => {
    const refusals = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:5432`));
    throw new AggregateError(refusals);
  },
  'wrong settings': async () => {
    throw new ConfigError(['ORDERS_DATABASE_URL is required', 'GRPC_PORT must be a whole number']);
  },
  'is told to stop while it starts': async () => {
    process.kill(process.pid, 'SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.stdout.write('started\n');
    return { stopTimeout: 5000, stop: async () => void process.stdout.write('stopped\n') };
  },
  'never starts': async () => {
    process.kill(process.pid, 'SIGTERM');
    return new Promise<never>(() => {});
  },
  'throws text': async () => {
    throw 'nothing works';
  },
};

const start = lives[life];
if (!start) throw new Error(`no such life: ${life}`);
await main(async () => {
  const running = await start();
  process.stdout.write('ready\n');
  return running;
});

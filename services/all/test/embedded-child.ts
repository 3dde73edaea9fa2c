// A process of its own that runs an embedded PostgreSQL on the folder given, until SIGTERM.
// On SIGINT it asks the database something and says what it got.
import { startEmbeddedPostgres } from '@weft/all/embedded';
import pg from 'pg';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

function tell(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

try {
  const postgres = await startEmbeddedPostgres({
    dataFolder: process.argv[2] ?? '',
    temporary: process.argv[3] === 'temporary',
    logger: quiet,
  });
  const stay = setInterval(() => undefined, 60_000);
  process.on('SIGINT', async () => {
    const client = new pg.Client({ connectionString: postgres.adminUrl });
    await client.connect();
    const { rows } = await client.query('SELECT 6 * 7 AS answer');
    await client.end();
    tell(rows[0]);
  });
  process.on('SIGTERM', async () => {
    await postgres.stop();
    clearInterval(stay);
  });
  tell({ adminUrl: postgres.adminUrl, port: postgres.port });
} catch (error) {
  tell({ name: (error as Error).name, error: (error as Error).message });
  process.exitCode = 1;
}

import { run } from '@weft/kit/module';
import { payments } from './module.ts';

await run(payments);

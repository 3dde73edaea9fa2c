import { run } from '@weft/kit/module';
import { checkout } from './module.ts';

await run(checkout);

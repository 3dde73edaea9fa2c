import { run } from '@weft/kit/module';
import { shipping } from './module.ts';

await run(shipping);

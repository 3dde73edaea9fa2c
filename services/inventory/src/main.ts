import { run } from '@weft/kit/module';
import { inventory } from './module.ts';

await run(inventory);

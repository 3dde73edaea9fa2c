import { run } from '@weft/kit/module';
import { orders } from './module.ts';

await run(orders);

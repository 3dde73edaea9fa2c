import { run } from '@weft/kit/module';
import { gateway } from './module.ts';

await run(gateway);

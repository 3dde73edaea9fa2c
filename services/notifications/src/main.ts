import { run } from '@weft/kit/module';
import { notifications } from './module.ts';

await run(notifications);

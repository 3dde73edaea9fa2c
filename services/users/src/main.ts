import { run } from '@weft/kit/module';
import { users } from './module.ts';

await run(users);

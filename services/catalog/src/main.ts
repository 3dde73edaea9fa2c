import { run } from '@weft/kit/module';
import { catalog } from './module.ts';

await run(catalog);

import { run } from '@weft/kit/module';
import { audit } from './module.ts';

await run(audit);

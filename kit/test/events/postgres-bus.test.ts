import { busSuite } from '../../src/testing/bus-suite.ts';
import { openPostgres } from './drivers.ts';

busSuite('postgres', openPostgres);

import { busSuite } from '../../src/testing/bus-suite.ts';
import { openDriver } from './driver.ts';

busSuite('postgres', openDriver);

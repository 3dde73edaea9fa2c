import { afterEach, beforeEach, describe } from '@jest/globals';
import { deliveryTests } from './bus-delivery.ts';
import { failureTests } from './bus-failures.ts';
import { type BusDriver, type BusExceptions, BusFixture } from './bus-fixture.ts';
import { noticeTests } from './bus-notices.ts';
import { operationsTests } from './bus-operations.ts';
import { restartTests } from './bus-restarts.ts';
import { versionTests } from './bus-versions.ts';

export type { BusDriver, BusExceptions };

/** What every driver of the bus port promises. */
export function busSuite(name: string, openDriver: () => Promise<BusDriver>, exceptions: BusExceptions = {}): void {
  describe(`the ${name} bus`, () => {
    let on: BusFixture;
    beforeEach(async () => {
      const driver = await openDriver();
      on = new BusFixture(driver, await driver.open());
    });
    afterEach(() => on.close());

    deliveryTests(() => on);
    failureTests(() => on, exceptions);
    operationsTests(() => on);
    noticeTests(() => on);
    restartTests(() => on);
    versionTests(() => on);
  });
}

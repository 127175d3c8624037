import type { TestContext } from 'node:test';
import type { Store } from '../../src/store/store.ts';
import { storeDurabilityContract } from './store-durability.ts';
import { storeEventContract } from './store-events.ts';
import { storeExpiryContract } from './store-expiry.ts';
import { storeFilterContract } from './store-filters.ts';
import { storeParkingContract } from './store-parking.ts';
import { storeRecordingContract } from './store-recording.ts';
import { storeSeriesContract } from './store-series.ts';
import { storeStatisticsContract } from './store-statistics.ts';

/** A store under test: started, empty, stopped and removed when the test ends. */
export interface StoreUnderTest {
  store: Store;
  /** Names the same data for another process; see `openStore`. */
  readonly url: string;
  /** Moves the clock of the store, which stands still otherwise. */
  setNow(micros: number): void;
  /** Stops the store and starts another one on the same data, which `store` then is. */
  reopen(): Promise<Store>;
}

/** Makes a store for one test. */
export type OpenForTest = (t: TestContext) => Promise<StoreUnderTest>;

/** All that every store must do. Registers tests named after the back end. */
export function storeContract(name: string, open: OpenForTest): void {
  storeRecordingContract(name, open);
  storeFilterContract(name, open);
  storeSeriesContract(name, open);
  storeStatisticsContract(name, open);
  storeEventContract(name, open);
  storeParkingContract(name, open);
  storeExpiryContract(name, open);
  storeDurabilityContract(name, open);
}

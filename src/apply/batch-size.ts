import type { LogRecord } from '../record.ts';

/** More at once only lengthens the stalls (measured). */
const RECORDS_MAX = 500;
const BYTES_WANTED = 512 * 1024;
const RECORDS_FIRST = 8;

/**
 * How many records to ask for at once: as many small ones as are quick, few large ones, so that the event
 * loop never stands still for long. What comes next is taken to be like what came last.
 */
export class BatchSize {
  #max = RECORDS_FIRST;

  get max(): number {
    return this.#max;
  }

  learn(records: readonly LogRecord[]): void {
    if (records.length === 0) return;
    let bytes = 0;
    for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0);
    const fitting = Math.floor((BYTES_WANTED * records.length) / Math.max(1, bytes));
    this.#max = Math.max(1, Math.min(RECORDS_MAX, fitting, this.#max * 2));
  }
}

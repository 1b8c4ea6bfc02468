import assert from 'node:assert/strict';
import type { LogRecord } from '../../src/record.ts';
import type { ReadBatch, WalReader } from '../../src/wal/wal.ts';

/** Reads on and holds the reader to its promises at every step: order, no repeats, honest `reached`. */
export class LogFollower {
  readonly reader: WalReader;
  readonly records: LogRecord[] = [];
  /** Next offset per partition, as records and `reached` tell it. */
  readonly positions: number[];
  /** Largest `reached` per partition; -1 where none was told. */
  readonly reached: number[];

  constructor(reader: WalReader, start: readonly number[]) {
    this.reader = reader;
    this.positions = [...start];
    this.reached = start.map(() => -1);
  }

  async step(max = 1000): Promise<ReadBatch> {
    const batch = await this.reader.next(max);
    assert.ok(
      batch.records.length <= max,
      `${batch.records.length} records where ${max} were asked`,
    );
    for (const record of batch.records) {
      const position = this.positions[record.partition];
      assert.ok(position !== undefined, `no partition ${record.partition}`);
      assert.ok(
        record.offset >= position,
        `${record.partition}:${record.offset} after position ${position} was reached`,
      );
      this.positions[record.partition] = record.offset + 1;
      this.records.push(record);
    }
    for (const { partition, offset } of batch.reached) {
      assert.ok(Number.isSafeInteger(offset) && offset >= 0, `reached ${partition}:${offset}`);
      this.reached[partition] = Math.max(this.reached[partition] ?? -1, offset);
      this.positions[partition] = Math.max(this.positions[partition] ?? 0, offset);
    }
    return batch;
  }

  /** Steps until `done` holds. */
  async until(what: string, done: () => boolean, withinMs = 25_000): Promise<void> {
    const latest = performance.now() + withinMs;
    while (!done()) {
      assert.ok(performance.now() < latest, `not within ${withinMs} ms: ${what}`);
      await this.step();
    }
  }

  /** Steps until the record at each place was delivered. */
  async untilAll(places: readonly { readonly partition: number; readonly offset: number }[]) {
    const has = new Set<string>();
    let looked = 0;
    await this.until(`${places.length} records delivered`, () => {
      for (; looked < this.records.length; looked += 1) {
        const record = this.records[looked]!;
        has.add(`${record.partition}:${record.offset}`);
      }
      return places.every((each) => has.has(`${each.partition}:${each.offset}`));
    });
  }

  at(partition: number, offset: number): LogRecord {
    const found = this.records.find((r) => r.partition === partition && r.offset === offset);
    assert.ok(found, `nothing delivered at ${partition}:${offset}`);
    return found;
  }
}

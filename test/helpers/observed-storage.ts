import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import type { KeyRange, StorageOp, StoragePair } from '../../src/storage/storage.ts';

/** Real storage in memory whose writes can be counted, held and made to fail. */
export class ObservedStorage extends MemoryStorage {
  readonly batches: { ops: number; sync: boolean }[] = [];
  failure: Error | undefined;
  gate: Promise<void> | undefined;
  /** As `gate`, with the batch already to be seen in the storage. */
  lateGate: Promise<void> | undefined;
  /** Before each read of keys. */
  beforeReads: (keys: readonly Buffer[]) => Promise<void> = async () => {};
  scans = 0;

  override async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    await this.beforeReads(keys);
    return super.getMany(keys);
  }

  override iterate(range: KeyRange): AsyncIterable<readonly StoragePair[]> {
    this.scans += 1;
    return super.iterate(range);
  }

  override async write(ops: readonly StorageOp[], options: { sync?: boolean } = {}): Promise<void> {
    this.batches.push({ ops: ops.length, sync: options.sync === true });
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    await super.write(ops);
    await this.lateGate;
  }

  async pairs(): Promise<[string, Buffer][]> {
    const pairs: [string, Buffer][] = [];
    const everything = { gte: Buffer.alloc(0), lt: Buffer.alloc(1, 0xff) };
    for await (const chunk of this.iterate(everything)) {
      for (const [key, value] of chunk) pairs.push([key.toString('latin1'), value]);
    }
    return pairs;
  }
}

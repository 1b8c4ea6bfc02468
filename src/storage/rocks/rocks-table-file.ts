import { type FileHandle, open } from 'node:fs/promises';
import { ByteReader } from './byte-reader.ts';
import { maskedCrc32c } from './crc32c.ts';
import { corrupt } from './read-whole.ts';
import { unsnap } from './snappy.ts';

/**
 * RocksDB's block-based table, format 4 as the binding writes it: data blocks, then blocks about them,
 * then a footer. Behind each block stand its compression(1) and the checksum(4) of both.
 */
const FOOTER_BYTES = 53;
const TRAILER_BYTES = 5;
const MAGIC = Buffer.from('f7cff485b741e288', 'hex');
const VERSION_AT = 41;
const VERSION = 4;
const CRC32C = 1;
const PLAIN = 0;
const SNAPPY = 1;
/** Behind the keys of an index where the same key ends one block and begins the next. */
const SEQUENCE_BYTES = 8;
const PROPERTIES = 'rocksdb.properties';
const WITHOUT_SEQUENCE = 'rocksdb.index.key.is.user.key';
const READ_BYTES_MAX = 1024 * 1024;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/** A table's data blocks, checked where they are about to be read: each one once. */
export class TableFile {
  readonly #path: string;
  readonly #index: Buffer;
  readonly #sequenceBytes: number;
  readonly #blocks: number;
  readonly #checked: Uint8Array;

  private constructor(path: string, index: Buffer, sequenceBytes: number) {
    this.#path = path;
    this.#index = index;
    this.#sequenceBytes = sequenceBytes;
    this.#blocks = index.length < 4 ? 0 : index.readUInt32LE(index.length - 4);
    if (4 * (this.#blocks + 1) > index.length) throw corrupt(`${path}: its index is no index`);
    this.#checked = new Uint8Array(this.#blocks);
  }

  /** @throws StorageError `corrupt`; the error of the file system where it is gone. */
  static async open(path: string): Promise<TableFile> {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const footer = await bytesAt(file, { offset: size - FOOTER_BYTES, size: FOOTER_BYTES });
      const known =
        footer.length === FOOTER_BYTES &&
        footer.subarray(FOOTER_BYTES - MAGIC.length).equals(MAGIC) &&
        footer.readUInt32LE(VERSION_AT) === VERSION &&
        footer[0] === CRC32C;
      if (!known) throw corrupt(`${path}: its footer is damaged`);
      const read = new ByteReader(footer, 1);
      const [aboutAt, indexAt] = [handleOf(read), handleOf(read)];
      const index = await plainBlock(file, indexAt);
      const about = entriesOf(await plainBlock(file, aboutAt));
      const propertiesAt = about.get(PROPERTIES);
      if (index === undefined || propertiesAt === undefined) {
        throw corrupt(`${path}: what it says of itself is damaged`);
      }
      const properties = entriesOf(await plainBlock(file, handleOf(new ByteReader(propertiesAt))));
      const plain = properties.get(WITHOUT_SEQUENCE)?.equals(Buffer.of(1)) === true;
      return new TableFile(path, index, plain ? 0 : SEQUENCE_BYTES);
    } finally {
      await file.close();
    }
  }

  /** Whether every block has been checked. */
  get allChecked(): boolean {
    return !this.#checked.includes(0);
  }

  /**
   * Checks the blocks that an iterator over this range may touch, in either direction.
   * @throws StorageError `corrupt`; the error of the file system where the file is gone.
   */
  async check({ gte, lt }: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    const wanted = this.#around(gte, lt);
    if (wanted.length === 0) return;
    const file = await open(this.#path);
    try {
      for (let i = 0; i < wanted.length; ) {
        const run = this.#run(wanted, i);
        await this.#checkRun(file, run);
        i += run.length;
      }
    } finally {
      await file.close();
    }
  }

  /** Unchecked blocks from the one before the range to the one in which it ends. */
  #around(gte: Buffer, lt: Buffer): number[] {
    let low = 0;
    let high = this.#blocks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Buffer.compare(this.#entry(middle).key, gte) < 0) low = middle + 1;
      else high = middle;
    }
    const wanted: number[] = [];
    for (let i = Math.max(0, low - 1); i < this.#blocks; i += 1) {
      if (this.#checked[i] === 0) wanted.push(i);
      if (Buffer.compare(this.#entry(i).key, lt) >= 0) break;
    }
    return wanted;
  }

  /** As many of them as lie one behind the other and are read at once. */
  #run(wanted: readonly number[], from: number): readonly number[] {
    const first = this.#entry(wanted[from] ?? 0).handle;
    let to = from;
    let end = first.offset;
    while (to < wanted.length) {
      const { offset, size } = this.#entry(wanted[to] ?? 0).handle;
      if (offset !== end) break;
      end = offset + size + TRAILER_BYTES;
      if (to > from && end - first.offset > READ_BYTES_MAX) break;
      to += 1;
    }
    return wanted.slice(from, to);
  }

  async #checkRun(file: FileHandle, run: readonly number[]): Promise<void> {
    const handles = run.map((block) => this.#entry(block).handle);
    const [first, last] = [handles[0], handles.at(-1)];
    if (first === undefined || last === undefined) return;
    const size = last.offset + last.size + TRAILER_BYTES - first.offset;
    const bytes = await bytesAt(file, { offset: first.offset, size });
    for (const [i, handle] of handles.entries()) {
      const at = handle.offset - first.offset;
      if (!isWhole(bytes.subarray(at, at + handle.size + TRAILER_BYTES), handle.size)) {
        throw corrupt(`${this.#path}: the block at ${handle.offset} is damaged`);
      }
      this.#checked[run[i] ?? 0] = 1;
    }
  }

  /** An entry of the index: no key of its block is greater than its key. */
  #entry(block: number): { readonly key: Buffer; readonly handle: Handle } {
    const index = this.#index;
    const read = new ByteReader(
      index,
      index.readUInt32LE(index.length - 4 * (this.#blocks + 1 - block)),
    );
    const shared = read.varint();
    const stored = read.field();
    const key = stored.subarray(0, stored.length - this.#sequenceBytes);
    const handle = handleOf(read);
    if (shared !== 0 || read.failed) throw corrupt(`${this.#path}: its index is no index`);
    return { key, handle };
  }
}

/** Nothing where a damaged handle points beyond the file. */
async function bytesAt(file: FileHandle, { offset, size }: Handle): Promise<Buffer> {
  const whole = (await file.stat()).size;
  if (offset < 0 || offset + size > whole) return Buffer.alloc(0);
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size), 0, size, offset);
  return buffer.subarray(0, bytesRead);
}

/** Whether a block and its trailer say the same. */
function isWhole(block: Buffer, size: number): boolean {
  if (block.length !== size + TRAILER_BYTES) return false;
  return block.readUInt32LE(size + 1) === maskedCrc32c(block.subarray(0, size + 1));
}

/** A block that is read as a whole; undefined where it is damaged. */
async function plainBlock(file: FileHandle, { offset, size }: Handle): Promise<Buffer | undefined> {
  const block = await bytesAt(file, { offset, size: size + TRAILER_BYTES });
  if (!isWhole(block, size)) return undefined;
  const bytes = block.subarray(0, size);
  if (block[size] === PLAIN) return bytes;
  return block[size] === SNAPPY ? unsnap(bytes) : undefined;
}

/** Names and values of a block: each name may begin as the one before it does. */
function entriesOf(block: Buffer | undefined): ReadonlyMap<string, Buffer> {
  const entries = new Map<string, Buffer>();
  if (block === undefined || block.length < 4) return entries;
  const restarts = block.readUInt32LE(block.length - 4);
  const end = Math.max(0, block.length - 4 * (restarts + 1));
  const read = new ByteReader(block.subarray(0, end));
  let name = '';
  while (!read.done) {
    const shared = read.varint();
    const [rest, length] = [read.varint(), read.varint()];
    name = name.slice(0, shared) + read.bytes(rest).toString('latin1');
    const value = read.bytes(length);
    if (!read.failed) entries.set(name, value);
  }
  return entries;
}

function handleOf(read: ByteReader): Handle {
  return { offset: read.varint(), size: read.varint() };
}

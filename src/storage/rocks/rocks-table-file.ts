import { type FileHandle, open } from 'node:fs/promises';
import type { Pace } from '../storage.ts';
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
/** Read and checked in one go: the loop stands still for a few ms. */
const RUN_BYTES_MAX = 512 * 1024;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/**
 * Checks every data block of a table file against its checksum.
 * @param between awaited between pieces; what it rejects with ends the check
 * @throws StorageError `corrupt`; the error of the file system
 */
export async function checkTable(path: string, between: Pace): Promise<void> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const index = await readIndex(file, size);
    if (index === undefined) throw corrupt(`${path}: its footer or its index is damaged`);
    for (let block = 0; block < index.blocks; ) {
      await between();
      const run = runFrom(index, block);
      const bytes = await bytesAt(file, run, size);
      for (const handle of run.handles) {
        const at = handle.offset - run.offset;
        if (!isWhole(bytes.subarray(at, at + handle.size + TRAILER_BYTES), handle.size)) {
          throw corrupt(`${path}: the block at ${handle.offset} is damaged`);
        }
      }
      block += run.handles.length;
    }
  } finally {
    await file.close();
  }
}

/** Undefined where it is damaged. */
async function readIndex(file: FileHandle, fileBytes: number): Promise<TableIndex | undefined> {
  const at = { offset: fileBytes - FOOTER_BYTES, size: FOOTER_BYTES };
  const footer = await bytesAt(file, at, fileBytes);
  const known =
    footer.length === FOOTER_BYTES &&
    footer.subarray(FOOTER_BYTES - MAGIC.length).equals(MAGIC) &&
    footer.readUInt32LE(VERSION_AT) === VERSION &&
    footer[0] === CRC32C;
  if (!known) return undefined;
  const read = new ByteReader(footer, 1);
  handleOf(read);
  const { offset, size } = handleOf(read);
  const block = await bytesAt(file, { offset, size: size + TRAILER_BYTES }, fileBytes);
  if (!isWhole(block, size)) return undefined;
  const packed = block.subarray(0, size);
  const bytes =
    block[size] === PLAIN ? packed : block[size] === SNAPPY ? unsnap(packed) : undefined;
  return bytes === undefined ? undefined : TableIndex.of(bytes);
}

/** Keys and handles of the data blocks in their order, each entry at a place that the block's end tells. */
class TableIndex {
  readonly #bytes: Buffer;
  readonly blocks: number;

  private constructor(bytes: Buffer, blocks: number) {
    this.#bytes = bytes;
    this.blocks = blocks;
  }

  static of(bytes: Buffer): TableIndex | undefined {
    const blocks = bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4);
    return 4 * (blocks + 1) > bytes.length ? undefined : new TableIndex(bytes, blocks);
  }

  handle(block: number): Handle {
    const bytes = this.#bytes;
    const at = bytes.readUInt32LE(bytes.length - 4 * (this.blocks + 1 - block));
    const read = new ByteReader(bytes, at);
    // Each entry has its whole key: the binding lets none begin as the one before it does.
    read.varint();
    read.field();
    return handleOf(read);
  }
}

/** Blocks one behind the other that are read at once, the first however large. */
function runFrom(index: TableIndex, block: number): Handle & { readonly handles: Handle[] } {
  const first = index.handle(block);
  const handles = [first];
  let end = first.offset + first.size + TRAILER_BYTES;
  for (let next = block + 1; next < index.blocks; next += 1) {
    const handle = index.handle(next);
    const nextEnd = handle.offset + handle.size + TRAILER_BYTES;
    if (handle.offset !== end || nextEnd - first.offset > RUN_BYTES_MAX) break;
    handles.push(handle);
    end = nextEnd;
  }
  return { offset: first.offset, size: end - first.offset, handles };
}

/** Nothing where a damaged handle points beyond the file. */
async function bytesAt(
  file: FileHandle,
  { offset, size }: Handle,
  fileBytes: number,
): Promise<Buffer> {
  if (offset < 0 || offset + size > fileBytes) return Buffer.alloc(0);
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size), 0, size, offset);
  return buffer.subarray(0, bytesRead);
}

/** Whether a block and its trailer say the same. */
function isWhole(block: Buffer, size: number): boolean {
  if (block.length !== size + TRAILER_BYTES) return false;
  return block.readUInt32LE(size + 1) === maskedCrc32c(block.subarray(0, size + 1));
}

function handleOf(read: ByteReader): Handle {
  return { offset: read.varint(), size: read.varint() };
}

import { maskedCrc32c } from './crc32c.ts';

/**
 * RocksDB's write-ahead logs and manifests: blocks of 32 KiB with fragments in them, each a checksum(4),
 * a length(2), a type(1) and its bytes. A fragment never crosses a block.
 */
const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

export interface FileRecord {
  readonly bytes: Buffer;
  /** Where it begins in the file. */
  readonly from: number;
}

export interface FileRecords {
  /** The whole ones, up to the first that is not. */
  readonly records: readonly FileRecord[];
  /** Where the last of them ends. */
  readonly end: number;
  /** Whether the file goes on after `end`: torn, damaged, or filled up. */
  readonly goesOn: boolean;
}

interface Fragment {
  readonly type: number;
  readonly bytes: Buffer;
  readonly end: number;
}

/** All records of a file up to the first fault in it. */
export function readRecords(file: Buffer): FileRecords {
  const records: FileRecord[] = [];
  let end = 0;
  let begun: { from: number; parts: Buffer[] } | undefined;
  for (let at = blockSkipped(0); at < file.length; at = blockSkipped(at)) {
    const fragment = fragmentAt(file, at);
    if (fragment === undefined) break;
    const { type, bytes } = fragment;
    const starts = type === FULL || type === FIRST;
    if (starts !== (begun === undefined)) break;
    begun ??= { from: at, parts: [] };
    begun.parts.push(bytes);
    at = fragment.end;
    if (type === FULL || type === LAST) {
      records.push({ from: begun.from, bytes: joined(begun.parts) });
      end = at;
      begun = undefined;
    }
  }
  return { records, end, goesOn: end < file.length };
}

/** Whether a record begins after a fault at `from` that `accept`s the first bytes of it. */
export function recordBeginsAfter(
  file: Buffer,
  from: number,
  accept: (bytes: Buffer) => boolean,
): boolean {
  const begins = (at: number) => {
    const fragment = fragmentAt(file, at);
    if (fragment === undefined) return undefined;
    const { type, bytes } = fragment;
    return { found: (type === FULL || type === FIRST) && accept(bytes), end: fragment.end };
  };
  let isDamaged = true;
  for (let at = from + 1; at < file.length; ) {
    if (at % BLOCK_BYTES === 0) isDamaged = false;
    const next = begins(at);
    if (next?.found) return true;
    // Nothing in a damaged block can be trusted to say where its next fragment is.
    isDamaged ||= next === undefined;
    at = isDamaged || next === undefined ? at + 1 : blockSkipped(next.end);
  }
  return false;
}

function fragmentAt(file: Buffer, at: number): Fragment | undefined {
  const left = BLOCK_BYTES - (at % BLOCK_BYTES);
  if (left < HEADER_BYTES || at + HEADER_BYTES > file.length) return undefined;
  const length = file.readUInt16LE(at + 4);
  const type = file.readUInt8(at + 6);
  const end = at + HEADER_BYTES + length;
  if (type < FULL || type > LAST || HEADER_BYTES + length > left || end > file.length) {
    return undefined;
  }
  if (file.readUInt32LE(at) !== maskedCrc32c(file.subarray(at + 6, end))) return undefined;
  return { type, bytes: file.subarray(at + HEADER_BYTES, end), end };
}

/** The end of a block that has no room for a header is left empty. */
function blockSkipped(at: number): number {
  const left = BLOCK_BYTES - (at % BLOCK_BYTES);
  return left < HEADER_BYTES ? at + left : at;
}

function joined(parts: readonly Buffer[]): Buffer {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

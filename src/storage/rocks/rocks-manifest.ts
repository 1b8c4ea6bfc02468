import { ByteReader } from './byte-reader.ts';

/** What a manifest says of the files beside it. */
export interface Manifest {
  /** Write-ahead logs below this number are not needed any more. */
  readonly logNumber: number;
  /** All changes up to this one lie in table files. */
  readonly covered: number;
  /** Bytes of each table file in use, by its number. */
  readonly tables: ReadonlyMap<number, number>;
}

/** Tags of a version edit (RocksDB 6, db/version_edit.h). */
const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  deletedFile: 6,
  prevLogNumber: 9,
  newFile4: 103,
  columnFamily: 200,
  columnFamilyAdd: 201,
  maxColumnFamily: 203,
  /** From here on each carries its length. */
  ignorable: 1 << 13,
} as const;
const FIELDS_END = 1;

/** Undefined where an edit says what we do not understand: then the engine alone is the judge. */
export function readManifest(edits: readonly Buffer[]): Manifest | undefined {
  const tables = new Map<number, number>();
  let logNumber = 0;
  let covered = 0;
  let opened: number | undefined;
  for (const edit of edits) {
    const read = new ByteReader(edit);
    while (!read.done) {
      const tag = read.varint();
      if (tag === TAG.logNumber) logNumber = read.varint();
      else if (tag === TAG.lastSequence) {
        // The later ones count what only memory had. The first is from before the first write.
        const last = read.varint();
        opened ??= last;
      } else if (tag === TAG.deletedFile) {
        read.varint();
        tables.delete(read.varint());
      } else if (tag === TAG.newFile4) {
        covered = Math.max(covered, newFile(read, tables));
      } else if (tag === TAG.comparator || tag === TAG.columnFamilyAdd || tag > TAG.ignorable) {
        read.field();
      } else if (
        tag === TAG.nextFile ||
        tag === TAG.prevLogNumber ||
        tag === TAG.columnFamily ||
        tag === TAG.maxColumnFamily
      ) {
        read.varint();
      } else return undefined;
      if (read.failed) return undefined;
    }
  }
  return { logNumber, covered: Math.max(covered, opened ?? 0), tables };
}

/** The largest sequence number in the file. */
function newFile(read: ByteReader, tables: Map<number, number>): number {
  read.varint();
  const number = read.varint();
  tables.set(number, read.varint());
  read.field();
  read.field();
  read.varint();
  const largest = read.varint();
  while (!read.failed && read.varint() !== FIELDS_END) read.field();
  return largest;
}

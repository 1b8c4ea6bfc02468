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
    const read = new Reader(edit);
    while (!read.done) {
      const tag = read.number();
      if (tag === TAG.logNumber) logNumber = read.number();
      else if (tag === TAG.lastSequence) {
        // The later ones count what only memory had. The first is from before the first write.
        const last = read.number();
        opened ??= last;
      } else if (tag === TAG.deletedFile) {
        read.number();
        tables.delete(read.number());
      } else if (tag === TAG.newFile4) {
        covered = Math.max(covered, newFile(read, tables));
      } else if (tag === TAG.comparator || tag === TAG.columnFamilyAdd || tag > TAG.ignorable) {
        read.skipField();
      } else if (
        tag === TAG.nextFile ||
        tag === TAG.prevLogNumber ||
        tag === TAG.columnFamily ||
        tag === TAG.maxColumnFamily
      ) {
        read.number();
      } else return undefined;
      if (read.failed) return undefined;
    }
  }
  return { logNumber, covered: Math.max(covered, opened ?? 0), tables };
}

/** The largest sequence number in the file. */
function newFile(read: Reader, tables: Map<number, number>): number {
  read.number();
  const number = read.number();
  tables.set(number, read.number());
  read.skipField();
  read.skipField();
  read.number();
  const largest = read.number();
  while (!read.failed && read.number() !== FIELDS_END) read.skipField();
  return largest;
}

/** Numbers of 7 bits a byte, and bytes with their length before them. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  failed = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.failed || this.#at >= this.#bytes.length;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor <= Number.MAX_SAFE_INTEGER; factor *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) break;
      this.#at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    this.failed = true;
    return 0;
  }

  skipField(): void {
    const length = this.number();
    this.#at += length;
    if (this.#at > this.#bytes.length) this.failed = true;
  }
}

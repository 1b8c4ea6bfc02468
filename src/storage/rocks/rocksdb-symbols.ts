import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/**
 * RocksDB's prebuilt binding for Linux carries std::regex of an older C++ ABI. Node 22 and later
 * export the same names of the newer one, the loader binds the binding to those, and the process
 * dies of std::bad_alloc while the binding is loaded. DT_SYMBOLIC in its dynamic section makes the
 * loader look in the binding itself first (ELF gABI, Dynamic Section).
 */
const PROGRAM_HEADERS_AT = 32;
const PROGRAM_HEADER_SIZE_AT = 54;
const PROGRAM_HEADER_COUNT_AT = 56;
const PT_DYNAMIC = 2;
const DT_NULL = 0n;
const DT_SYMBOLIC = 16n;
const DYNAMIC_ENTRY_BYTES = 16;

/** Whether this runtime needs the prebuilt binding to be bound to itself. */
export function needsBinding(): boolean {
  const [major = 0] = process.versions.node.split('.').map(Number);
  return process.platform === 'linux' && major >= 21;
}

/** The file of the binding that would be loaded, or undefined for one that was compiled here. */
export function prebuiltBinding(): string | undefined {
  const require = createRequire(import.meta.url);
  const home = dirname(require.resolve('rocksdb/package.json'));
  const find = createRequire(`${home}/package.json`)('node-gyp-build') as {
    path(home: string): string;
  };
  const file = find.path(home);
  return file.includes('/prebuilds/linux-') ? file : undefined;
}

/** Whether an ELF file of 64 bits, little-endian, looks for its symbols in itself first. */
export function isBoundToItself(elf: Buffer): boolean {
  return dynamicTags(elf).some(({ tag }) => tag === DT_SYMBOLIC);
}

/** The same file, bound to itself. @throws Error where its dynamic section has no room for the tag. */
export function boundToItself(elf: Buffer): Buffer {
  const free = dynamicTags(elf).filter(({ tag }) => tag === DT_NULL);
  const [first] = free;
  if (first === undefined || free.length < 2) throw new Error('no room in the dynamic section');
  const bound = Buffer.from(elf);
  bound.writeBigInt64LE(DT_SYMBOLIC, first.at);
  return bound;
}

function dynamicTags(elf: Buffer): { readonly at: number; readonly tag: bigint }[] {
  const headers = Number(elf.readBigUInt64LE(PROGRAM_HEADERS_AT));
  const size = elf.readUInt16LE(PROGRAM_HEADER_SIZE_AT);
  const tags: { at: number; tag: bigint }[] = [];
  for (let i = 0; i < elf.readUInt16LE(PROGRAM_HEADER_COUNT_AT); i++) {
    const header = headers + i * size;
    if (elf.readUInt32LE(header) !== PT_DYNAMIC) continue;
    const from = Number(elf.readBigUInt64LE(header + 8));
    const to = from + Number(elf.readBigUInt64LE(header + 32));
    for (let at = from; at < to; at += DYNAMIC_ENTRY_BYTES) {
      tags.push({ at, tag: elf.readBigInt64LE(at) });
    }
  }
  return tags;
}

/** Binds the installed prebuilt binding to itself, once; harmless on every Node. */
export function bindInstalled(): void {
  const file = process.platform === 'linux' ? prebuiltBinding() : undefined;
  if (file === undefined) return;
  const elf = readFileSync(file);
  if (isBoundToItself(elf)) return;
  // Another process may have the file mapped: it keeps the old one.
  const made = `${file}.${process.pid}`;
  writeFileSync(made, boundToItself(elf), { mode: 0o755 });
  renameSync(made, file);
}

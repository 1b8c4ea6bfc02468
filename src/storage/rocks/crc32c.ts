const POLYNOMIAL = 0x82f63b78;
const MASK_DELTA = 0xa282ead8;
/** Bytes taken at a step: one table for each. */
const STEP = 8;
const TABLES = tablesOf(POLYNOMIAL);

/** CRC-32C (Castagnoli), the checksum of RocksDB's files; node:zlib has only the other one. */
export function crc32c(bytes: Buffer): number {
  const tables = TABLES;
  const words = bytes.length - (bytes.length % STEP);
  let crc = 0xffffffff;
  let i = 0;
  for (; i < words; i += STEP) {
    const low =
      crc ^
      (at(bytes, i) |
        (at(bytes, i + 1) << 8) |
        (at(bytes, i + 2) << 16) |
        (at(bytes, i + 3) << 24));
    crc =
      at(tables, 1792 + (low & 0xff)) ^
      at(tables, 1536 + ((low >>> 8) & 0xff)) ^
      at(tables, 1280 + ((low >>> 16) & 0xff)) ^
      at(tables, 1024 + (low >>> 24)) ^
      at(tables, 768 + at(bytes, i + 4)) ^
      at(tables, 512 + at(bytes, i + 5)) ^
      at(tables, 256 + at(bytes, i + 6)) ^
      at(tables, at(bytes, i + 7));
  }
  for (; i < bytes.length; i += 1) crc = at(tables, (crc ^ at(bytes, i)) & 0xff) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A checksum as RocksDB stores it, so that one of bytes that hold checksums stays a good one. */
export function maskedCrc32c(bytes: Buffer): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

function at(numbers: Uint8Array | Int32Array, place: number): number {
  return numbers[place] ?? 0;
}

/** Table k tells what a byte has done to the checksum after k more bytes of nothing ("slicing by eight"). */
function tablesOf(polynomial: number): Int32Array {
  const tables = new Int32Array(256 * STEP);
  for (let n = 0; n < 256; n += 1) {
    let crc = n;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[n] = crc;
  }
  for (let n = 256; n < tables.length; n += 1) {
    const before = at(tables, n - 256);
    tables[n] = at(tables, before & 0xff) ^ (before >>> 8);
  }
  return tables;
}

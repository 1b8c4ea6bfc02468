const PAD = '0123456789abcdefghijklmnopqrstuvwxyz'.repeat(1_000);
const LONG_EVERY = 64;

/** A value that tells its name, with bytes after it that are known from the name: what is cut or mixed shows. */
export function makeValue(name: string): string {
  const hash = hashOf(name);
  const length = hash % LONG_EVERY === 0 ? 4_000 + (hash % 16_000) : hash % 120;
  return `${name}|${PAD.slice(hash % 36, (hash % 36) + length)}`;
}

/** The name in a value; the whole of a value that nobody made. */
export function readValue(value: string): string {
  const name = value.slice(0, value.indexOf('|'));
  return makeValue(name) === value ? name : `not a value: ${value.slice(0, 80)}`;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash;
}

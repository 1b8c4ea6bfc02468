import { AvroFormatError, type AvroReader, encodeBytes, encodeString } from './avro-binary.ts';
import type { RpcProtocol } from './rpc-protocol.ts';
import { decodeUtf8 } from './utf8.ts';

const HASH_BYTES = 16;
const NULL_BRANCH = Buffer.from([0]);
const SOME_BRANCH = Buffer.from([2]);
/** `BOTH`: the hashes agree · `CLIENT`: the client needs our text · `NONE`: we need the client's. */
const MATCHES = ['BOTH', 'CLIENT', 'NONE'] as const;
export type HandshakeMatch = (typeof MATCHES)[number];

export interface HandshakeRequest {
  readonly clientHash: Buffer;
  /** The client's protocol, where it was sent along. */
  readonly clientText: string | undefined;
  readonly serverHash: Buffer;
}

/** @throws AvroFormatError also where the protocol's text has more than `textBytesMax` */
export function readHandshakeRequest(reader: AvroReader, textBytesMax: number): HandshakeRequest {
  const clientHash = Buffer.from(reader.fixed(HASH_BYTES));
  const clientText = readOptional(reader, () => readText(reader, textBytesMax));
  const serverHash = Buffer.from(reader.fixed(HASH_BYTES));
  readOptional(reader, () => reader.skipMeta());
  return { clientHash, clientText, serverHash };
}

export function encodeHandshakeRequest(
  client: RpcProtocol,
  serverHash: Buffer,
  withText: boolean,
): Buffer {
  const text = withText ? [SOME_BRANCH, encodeString(client.text)] : [NULL_BRANCH];
  return Buffer.concat([client.hash, ...text, serverHash, NULL_BRANCH]);
}

export interface HandshakeResponse {
  readonly match: HandshakeMatch;
  readonly serverHash: Buffer | undefined;
}

/** @throws AvroFormatError */
export function readHandshakeResponse(reader: AvroReader, textBytesMax: number): HandshakeResponse {
  const match = MATCHES[reader.long()];
  if (match === undefined) throw new AvroFormatError('no handshake');
  readOptional(reader, () => readText(reader, textBytesMax));
  const serverHash = readOptional(reader, () => Buffer.from(reader.fixed(HASH_BYTES)));
  readOptional(reader, () => reader.skipMeta());
  return { match, serverHash };
}

export function encodeHandshakeResponse(match: HandshakeMatch, server: RpcProtocol): Buffer {
  const index = Buffer.from([MATCHES.indexOf(match) * 2]);
  if (match === 'BOTH') return Buffer.concat([index, NULL_BRANCH, NULL_BRANCH, NULL_BRANCH]);
  return Buffer.concat([
    index,
    SOME_BRANCH,
    encodeBytes(Buffer.from(server.text)),
    SOME_BRANCH,
    server.hash,
    NULL_BRANCH,
  ]);
}

function readOptional<T>(reader: AvroReader, read: () => T): T | undefined {
  const branch = reader.long();
  if (branch === 0) return undefined;
  if (branch === 1) return read();
  throw new AvroFormatError('a union has no such branch');
}

function readText(reader: AvroReader, bytesMax: number): string {
  const bytes = reader.bytes();
  if (bytes.length > bytesMax) {
    throw new AvroFormatError(`a protocol of ${bytes.length} bytes, ${bytesMax} are allowed`);
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new AvroFormatError('a protocol that is not UTF-8');
  return text;
}

import {
  AvroFormatError,
  AvroReader,
  countLength,
  encodeBytes,
  encodeString,
  textLength,
  writeCount,
  writeText,
} from './avro-binary.ts';
import { RPC_PARAMETERS, type RpcMessage } from './rpc-protocol.ts';
import { decodeUtf8 } from './utf8.ts';

const NO_META = 0;
const NO_ERROR = 0;
const ERROR = 1;
/** Branches of getValue's response, and the only branch of an undeclared error. */
const NULL_BRANCH = 0;
const STRING_BRANCH = 2;
const ERROR_STRING_BRANCH = 0;
const NAME_BYTES_MAX = 256;

/** The parameters that a call carried, as bytes that were not looked at. */
export interface CallParameters {
  readonly key: Buffer;
  /** Of setValue alone. */
  readonly value: Buffer | undefined;
}

/** The name in a call, '' for a ping; its parameters come next. @throws AvroFormatError */
export function readCallName(reader: AvroReader): string {
  reader.skipMeta();
  const bytes = reader.bytes();
  if (bytes.length > NAME_BYTES_MAX) throw new AvroFormatError('a message name is too long');
  const name = decodeUtf8(bytes);
  if (name === undefined) throw new AvroFormatError('a message name is not UTF-8');
  return name;
}

/** What goes before the parameters of a call. */
const CALL_HEADS = {
  getValue: callHead('getValue'),
  setValue: callHead('setValue'),
  delete: callHead('delete'),
} as const satisfies Record<RpcMessage, Buffer>;

function callHead(message: RpcMessage): Buffer {
  return Buffer.concat([Buffer.from([NO_META]), encodeString(message)]);
}

/** A call's name and parameters; these are texts, or the UTF-8 of texts. */
export function encodeCall(
  message: RpcMessage,
  key: string | Buffer,
  value: string | Buffer,
): Buffer {
  const head = CALL_HEADS[message];
  const names = RPC_PARAMETERS[message];
  let length = head.length;
  for (const name of names) length += textLength(name === 'key' ? key : value);
  const call = Buffer.allocUnsafe(length);
  call.set(head);
  let at = head.length;
  for (const name of names) at = writeText(call, at, name === 'key' ? key : value);
  return call;
}

/** A call without a name: only the handshake before it counts. */
export const PING: Buffer = Buffer.from([NO_META, 0]);

/** The answer to setValue, delete and a ping. */
export const DONE_ANSWER: Buffer = Buffer.from([NO_META, NO_ERROR]);

export const NULL_ANSWER: Buffer = Buffer.from([NO_META, NO_ERROR, NULL_BRANCH]);

const VALUE_PREFIX = Buffer.from([NO_META, NO_ERROR, STRING_BRANCH]);

/** The answer to getValue; the UTF-8 of the value follows. */
export function valueAnswerHead(length: number): Buffer {
  const head = Buffer.allocUnsafe(VALUE_PREFIX.length + countLength(length));
  head.set(VALUE_PREFIX);
  writeCount(head, VALUE_PREFIX.length, length);
  return head;
}

export function errorAnswer(text: string): Buffer {
  return Buffer.concat([
    Buffer.from([NO_META, ERROR, ERROR_STRING_BRANCH]),
    encodeBytes(Buffer.from(text)),
  ]);
}

export type CallAnswer =
  | { readonly kind: 'value'; readonly value: string | null }
  | { readonly kind: 'error'; readonly text: string };

/** @throws AvroFormatError */
export function readAnswer(payload: Buffer, message: RpcMessage): CallAnswer {
  const reader = new AvroReader(payload);
  reader.skipMeta();
  if (reader.boolean()) {
    if (reader.long() !== 0) throw new AvroFormatError('an error that is no text');
    return { kind: 'error', text: reader.text() };
  }
  if (message !== 'getValue') return { kind: 'value', value: null };
  const branch = reader.long();
  if (branch === 0) return { kind: 'value', value: null };
  if (branch !== 1) throw new AvroFormatError('a value that is neither null nor a text');
  return { kind: 'value', value: reader.text() };
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export const RPC_MESSAGES = ['getValue', 'setValue', 'delete'] as const;
export type RpcMessage = (typeof RPC_MESSAGES)[number];

/** The parameters of our messages. A request carries them in this order. */
export const RPC_PARAMETERS = {
  getValue: ['key'],
  setValue: ['key', 'value'],
  delete: ['key'],
} as const satisfies Record<RpcMessage, readonly ('key' | 'value')[]>;

/** What a node adds to its limit of a value's bytes for everything else in a message. */
export const MESSAGE_SLACK_BYTES = 64 * 1_024;

/** A protocol as a handshake names it. */
export interface RpcProtocol {
  /** Its JSON, as Java prints it. */
  readonly text: string;
  /** MD5 of the text, 16 bytes. */
  readonly hash: Buffer;
}

/** The protocol that we speak, from the package's `avro` folder. */
export function loadRpcProtocol(): RpcProtocol {
  const file = new URL('../../avro/rpc-handler-avro.avpr', import.meta.url);
  const text = JSON.stringify(JSON.parse(readFileSync(file, 'utf8')));
  return { text, hash: protocolHash(text) };
}

export function protocolHash(text: string): Buffer {
  return createHash('md5').update(text).digest();
}

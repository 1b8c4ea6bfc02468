import type { NodeInfo } from './membership.ts';

/** More than any node of ours writes. */
export const NODE_INFO_BYTES_MAX = 16 * 1024;

const TEXT_MAX = 512;
const ADDRESS_FORM = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([1-9]\d{0,4})$/;

/** Whether a text is a `host:port` that may be connected to. */
export function isAddress(text: unknown): text is string {
  const port = typeof text === 'string' ? ADDRESS_FORM.exec(text)?.[1] : undefined;
  return port !== undefined && Number(port) <= 65_535;
}

export function formatNodeInfo(info: NodeInfo): Buffer {
  return Buffer.from(JSON.stringify(info));
}

/** What a node says of itself, or undefined where the bytes are anything else. Anyone may have written them. */
export function parseNodeInfo(bytes: Buffer): NodeInfo | undefined {
  if (bytes.length === 0 || bytes.length > NODE_INFO_BYTES_MAX) return undefined;
  let read: unknown;
  try {
    read = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isObject(read) || !isObject(read['log'])) return undefined;
  const { id, instance, version, http, rpc, startedAt } = read;
  const { clusterId, topicId, topic, partitions, codec } = read['log'];
  if (!isText(id) || !isText(instance) || !isText(version)) return undefined;
  if (!isAddress(http) || !isAddress(rpc)) return undefined;
  if (typeof startedAt !== 'number' || !Number.isSafeInteger(startedAt)) return undefined;
  if (!isText(topic) || !isText(codec)) return undefined;
  if (clusterId !== null && !isText(clusterId)) return undefined;
  if (topicId !== null && !isText(topicId)) return undefined;
  if (partitions !== null && !isCount(partitions)) return undefined;
  const log = { clusterId, topicId, topic, partitions, codec };
  return { id, instance, version, http, rpc, startedAt, log };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= TEXT_MAX;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

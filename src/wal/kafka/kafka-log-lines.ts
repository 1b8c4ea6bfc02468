import type { LogIdentity } from '../../log-identity.ts';

/** A line that a client of node-rdkafka logs (event `event.log`). */
export interface KafkaLogLine {
  /** syslog's: 3 error, 4 warning, 5 notice, 7 debug. */
  readonly severity: number;
  readonly fac: string;
  readonly message: string;
}

/** A topic id as Kafka's tools print it (22 characters of base64url), from its UUID in hex. */
export function topicIdFromUuid(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');
}

/** The same from standard base64, as the client logs it. */
export function topicIdFromBase64(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Why a line makes it doubtful that this is still the log `expected`; undefined where it does not. */
export function doubtIn(line: KafkaLogLine, expected: LogIdentity): string | undefined {
  const { fac, message } = line;
  if (fac === 'CLUSTERID') return `a broker reports another cluster: ${message}`;
  if (fac === 'PARTCNT') {
    const change = /Topic (\S+) partition count changed from \d+ to (\d+)/.exec(message);
    if (change === null || change[1] !== expected.topic) return undefined;
    const count = Number(change[2]);
    return count === expected.partitions ? undefined : `the topic shows ${count} partitions`;
  }
  if (fac !== 'METADATA') return undefined;
  const cluster = / ClusterId: ([^,\s]+), ControllerId: /.exec(message)?.[1];
  if (cluster !== undefined && cluster !== expected.clusterId) {
    return `a broker answers for the cluster ${cluster}`;
  }
  const change = /Topic (\S+) changed id from \S+ to (\S+)/.exec(message);
  if (change === null || change[1] !== expected.topic) return undefined;
  const id = topicIdFromBase64(change[2] ?? '');
  return id === expected.topicId ? undefined : `the topic answers with the id ${id}`;
}

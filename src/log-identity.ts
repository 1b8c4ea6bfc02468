/** What makes a log this log and no other. Ids as the engine prints them. */
export interface LogIdentity {
  readonly clusterId: string;
  readonly topicId: string;
  readonly topic: string;
  readonly partitions: number;
}

/** `<clusterId>/<topicId>`, as in the `Bitacora-Log` header. */
export function formatLogId(identity: Pick<LogIdentity, 'clusterId' | 'topicId'>): string {
  return `${identity.clusterId}/${identity.topicId}`;
}

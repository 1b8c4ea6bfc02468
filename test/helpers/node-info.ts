import type { NodeInfo } from '../../src/cluster/membership.ts';

/** What a node says of itself, for tests: everything that is not given is made up. */
export function nodeInfo(given: Partial<NodeInfo> & Pick<NodeInfo, 'http' | 'rpc'>): NodeInfo {
  return {
    id: given.http,
    instance: `instance of ${given.http}`,
    version: '0.0.0',
    startedAt: 1_700_000_000_000,
    log: { clusterId: null, topicId: null, topic: 'bitacora', partitions: null, codec: 'raw' },
    ...given,
  };
}

import { eventually } from '../../test/helpers/eventually.ts';
import { FaultProxy } from '../../test/helpers/fault-proxy.ts';
import { TestNode } from '../../test/helpers/test-node.ts';
import { startKafka } from '../../test/services/kafka.ts';
import { httpDialect, postRequest } from '../common/http-dialect.ts';
import { sendAll } from '../common/load.ts';
import { valueText } from '../http-get/sizes.ts';
import { produceAll } from '../kafka/fill-topic.ts';
import { benchTopic, nodeOn } from '../kafka/topics.ts';
import { keyOf } from '../memory/figures.ts';

const DOOR = 'SLOW';
const FILLING = 16;
const PEERS = 3;
/** Enough for its questions; for its reader so little that the backlog lasts longer than the rounds. */
const BYTES_PER_SECOND = 40_960;
const BACKLOG = { records: 4_000, keys: 4_000, valueBytes: 4_000 };

/** Three nodes that are fresh, and one that has contact to the log but does not catch up. */
export interface LaggingCluster {
  readonly peer: TestNode;
  readonly behind: TestNode;
  close(): Promise<void>;
}

/** @param keys so many are there, with values of 100 B */
export async function startLaggingCluster(keys: number): Promise<LaggingCluster> {
  const opened: { close(): Promise<unknown> }[] = [];
  const close = async () => {
    for (const each of opened.reverse()) await each.close();
  };
  try {
    let proxy: FaultProxy | undefined;
    const kafka = await startKafka({
      doors: [DOOR],
      advertise: async (_, port, door) => {
        if (door !== DOOR) return `127.0.0.1:${port}`;
        proxy = await FaultProxy.open({ target: { host: '127.0.0.1', port } });
        return `127.0.0.1:${proxy.port}`;
      },
    });
    opened.push({ close: () => kafka.stop() }, { close: async () => proxy?.close() });
    const topic = await benchTopic(kafka.brokerList);
    const start = async (brokers: string, peers: readonly TestNode[]) => {
      const env = { ...nodeOn(brokers, topic), PEERS: peers.map(({ http }) => http).join(',') };
      const node = await TestNode.start({ env });
      opened.push({ close: () => node.dispose() });
      return node;
    };
    const peers: TestNode[] = [];
    for (let i = 0; i < PEERS; i++) peers.push(await start(kafka.brokerList, []));
    const [peer] = peers;
    if (peer === undefined) throw new Error('no peer');
    const behind = await start(kafka.brokerListOf(DOOR), peers);
    const value = valueText(100);
    const writes = httpDialect(200, (n) =>
      postRequest(`/rpc?key=${keyOf(n)}`, 'application/octet-stream', value),
    );
    const port = Number(peer.http.split(':')[1]);
    await sendAll(keys, { port, dialect: () => writes, connections: FILLING });
    await eventually(
      'the last node has the keys',
      async () => (await behind.get(keyOf(keys - 1))).status === 200,
    );
    proxy?.rate(BYTES_PER_SECOND);
    await produceAll(kafka.brokerList, topic, BACKLOG);
    await eventually(
      'the last node asks its peers',
      async () => (await behind.get(keyOf(0))).headers['bitacora-read'] === 'peer',
      { withinMs: 30_000 },
    );
    return { peer, behind, close };
  } catch (error) {
    await close();
    throw error;
  }
}

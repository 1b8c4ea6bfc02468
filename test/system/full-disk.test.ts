import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { SmallDisk } from '../helpers/small-disk.ts';
import { type HttpAnswer, TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const KEYS = 20;
const VALUE_BYTES = 256 * 1024;
/** More than the disk holds, and less than a broker would mind. */
const WRITES_MAX = 400;
const NOTICED_WITHIN_MS = 20_000;
const RESUMED_WITHIN_MS = 30_000;
const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const ENV = { CACHE_BYTES_MAX: '1MiB' };

/** What was written to a node: each key's newest acknowledged number, and those after it that may be there. */
class Writes {
  readonly #acknowledged = new Map<string, number>();
  readonly #node: TestNode;
  count = 0;

  constructor(node: TestNode) {
    this.#node = node;
  }

  async next(): Promise<HttpAnswer> {
    this.count += 1;
    const key = `k${this.count % KEYS}`;
    const answer = await this.#node.put(key, valueFor(this.count));
    if (answer.status === 200) this.#acknowledged.set(key, this.count);
    return answer;
  }

  async some(): Promise<void> {
    for (let i = 0; i < 2 * KEYS; i++) assert.equal((await this.next()).status, 200);
  }

  /** Each key's acknowledged value; `exact`: no newer one either. */
  async require(exact: boolean): Promise<HttpAnswer[]> {
    const answers: HttpAnswer[] = [];
    for (const [key, n] of this.#acknowledged) {
      const answer = await this.#node.get(key);
      assert.equal(answer.status, 200, `${key}: ${answer.text.slice(0, 200)}`);
      const found = Number.parseInt(answer.json.value, 10);
      assert.equal(answer.json.value, valueFor(found));
      assert.ok(found === n || (!exact && found > n), `${key} is ${found}, acknowledged was ${n}`);
      answers.push(answer);
    }
    return answers;
  }
}

function valueFor(n: number): string {
  return `${n} `.padEnd(VALUE_BYTES, 'filler ');
}

describe('a node on a full disk', { skip: !canMount && 'may not mount', timeout: 240_000 }, () => {
  let disk: SmallDisk;
  let node: TestNode;
  before(async () => {
    disk = await SmallDisk.make();
  });
  afterEach(async () => {
    await node?.dispose();
    await disk?.free();
    await disk?.wipe();
  });
  after(() => disk?.remove());

  const make = async (env: Readonly<Record<string, string>>) => {
    const place = { dataDir: disk.folder, within: disk.within };
    node = await TestNode.make({ ...place, env: { ...ENV, ...env } });
    await node.start();
    return new Writes(node);
  };
  const failing = async () => (await node.status()).warnings.filter((line) => /failed/.test(line));
  const requireDown = async (told: RegExp) => {
    const lines = await failing();
    assert.ok(
      lines.some((line) => told.test(line)),
      lines.join('\n'),
    );
    assert.ok(lines.every((line) => /no space/i.test(line)));
    const health = await node.call('GET', '/health');
    assert.deepEqual([health.status, health.text], [503, 'DOWN']);
    assert.equal((await node.status()).ready, false);
  };
  const untilBack = async () => {
    await node.untilHealthy(RESUMED_WITHIN_MS);
    await eventually('no warning is left', async () => (await failing()).length === 0);
    await eventually('it has caught up', async () =>
      (await node.status()).log.partitions.every(({ caughtUp }) => caughtUp),
    );
  };
  /** A node cannot begin without room: it says so, and the next start finds everything. */
  const killedWhileFull = async () => {
    await node.kill();
    await assert.rejects(node.listen(), /exit 1: .*(no space|full disk)/is);
    await disk.free();
    await node.start();
  };

  it('alone, refuses writes and answers reads, goes on by itself, and loses nothing', async () => {
    const writes = await make({});
    await writes.some();
    for (let round = 0; round < 2; round++) {
      await disk.fill();
      let refused: HttpAnswer | undefined;
      for (let i = 0; i < WRITES_MAX && refused === undefined; i++) {
        const answer = await writes.next();
        if (answer.status !== 200) refused = answer;
      }
      assert.deepEqual([refused?.status, refused?.json.code], [503, 'log_unavailable']);
      assert.ok(refused?.headers['retry-after']);
      const { json } = await writes.next();
      assert.deepEqual([json.code, json.outcome], ['log_unavailable', 'not_written']);
      await requireDown(/^log storage failed, no write is taken: /);
      await writes.require(true);
      if (round > 0) break;
      await disk.free();
      await untilBack();
      for (const { headers } of await writes.require(true)) {
        assert.equal(headers['bitacora-read'], 'final');
      }
      await writes.some();
      await node.kill();
      await node.start();
      await writes.require(true);
    }
    await killedWhileFull();
    await writes.require(false);
    await writes.some();
    await writes.require(true);
  });

  describe('with Kafka', () => {
    let kafka: SharedKafka;
    before(async () => {
      kafka = await sharedKafka();
    });
    after(() => kafka?.release());

    it('stops applying and answers reads, goes on by itself, and loses nothing', async () => {
      const writes = await make({
        BROKER_LIST: kafka.brokerList,
        ZOOKEEPER_HOSTS: 'none',
        KAFKA_TOPIC: uniqueName('full-disk'),
        KAFKA_PARTITIONS: '2',
        NODE_ADDRESS: '127.0.0.1',
        NODE_ID: 'full',
      });
      await writes.some();
      const positions = async () =>
        (await node.status()).log.partitions.map(({ position }) => position);
      for (let round = 0; round < 2; round++) {
        await disk.fill();
        for (let i = 0; i < WRITES_MAX && (await failing()).length === 0; i++) {
          assert.equal((await writes.next()).status, 200, 'Kafka takes it');
        }
        await eventually('it is noticed', async () => (await failing()).length > 0, {
          withinMs: NOTICED_WITHIN_MS,
        });
        const stopped = await positions();
        for (let i = 0; i < KEYS; i++) assert.equal((await writes.next()).status, 200);
        await requireDown(/^storage failed/);
        assert.deepEqual(await positions(), stopped);
        for (let i = 0; i < KEYS; i++) {
          const { status, json, headers } = await node.get(`k${i}`);
          assert.deepEqual([status, headers['bitacora-read']], [200, 'behind']);
          assert.equal(json.value, valueFor(Number.parseInt(json.value, 10)));
        }
        if (round > 0) break;
        await disk.free();
        await untilBack();
        for (const { headers } of await writes.require(true)) {
          assert.equal(headers['bitacora-read'], 'final');
        }
        await node.kill();
        await node.start();
        await writes.require(true);
      }
      await killedWhileFull();
      await writes.require(true);
      assert.ok(!node.log.some((line) => line.includes('"msg":"rebuild"')), 'nothing was rebuilt');
    });
  });
});

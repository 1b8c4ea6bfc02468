import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { cutTo, type Damage, flipped, removed, replacedByFolder } from '../helpers/damages.ts';
import { eventually } from '../helpers/eventually.ts';
import { TestNode } from '../helpers/test-node.ts';
import { type SharedKafka, sharedKafka, uniqueName } from '../services/shared.ts';

const KEYS = 250;
const VERSIONS = 3;
/** Reads come from storage, most of them. */
const ENV = { CACHE_BYTES_MAX: '16KiB' };

const valueFor = (key: number, version: number) => `${key}.${version} `.padEnd(200, `${version} `);
const isDeleted = (key: number, version: number) => (key + version) % 7 === 0;

async function write(node: TestNode, version: number): Promise<void> {
  const keys = Array.from({ length: KEYS }, (_, i) => i);
  const answers = await Promise.all(
    keys.map((key) =>
      isDeleted(key, version)
        ? node.delete(`k${key}`)
        : node.put(`k${key}`, valueFor(key, version)),
    ),
  );
  for (const { status } of answers) assert.equal(status, 200);
  // So that the log does not end with the batch that the others may have been.
  for (let i = 0; i < 3; i++) assert.equal((await node.put('last', `${i}`)).status, 200);
}

/** What the node says of each key: the number of the version, -1 for none. */
async function read(node: TestNode): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (let key = 0; key < KEYS; key++) {
    const { status, json, text } = await eventually('a final answer', async () => {
      const answer = await node.get(`k${key}`);
      return answer.headers['bitacora-read'] === 'final' && answer;
    });
    if (status === 404) found.set(key, -1);
    else {
      assert.equal(status, 200, text);
      const version = Number(/\.(\d+) /.exec(json.value)?.[1]);
      assert.equal(json.value, valueFor(key, version));
      found.set(key, version);
    }
  }
  return found;
}

async function requireNewest(node: TestNode): Promise<void> {
  for (const [key, version] of await read(node)) {
    const newest = isDeleted(key, VERSIONS) ? -1 : VERSIONS;
    assert.equal(version, newest, `k${key}`);
  }
}

const SST = /\.sst$/;
const LOG = /^\d+\.log$/;
const MANIFEST = /^MANIFEST-/;
const CURRENT = /^CURRENT$/;

type Damages = Readonly<Record<string, Damage>>;

const LOST: Damages = {
  'a table file gone': removed(SST),
  'no CURRENT': removed(CURRENT),
};
const UNREADABLE: Damages = {
  'a table file that cannot be read': replacedByFolder(SST),
  'bits flipped in the manifest': flipped(MANIFEST),
  'a write-ahead log that cannot be read': replacedByFolder(LOG),
};

describe('a node whose storage was damaged', { timeout: 240_000 }, () => {
  let node: TestNode;
  let copy = '';
  afterEach(async () => {
    await node?.dispose();
    await rm(copy, { recursive: true, force: true });
  });

  /** Three versions of each key: some in tables, the last in the write-ahead log. Ends killed, and copied. */
  const written = async (env: Readonly<Record<string, string>>) => {
    node = await TestNode.make({ env: { ...ENV, ...env } });
    copy = `${node.dataDir}-copy`;
    for (let version = 1; version <= VERSIONS; version++) {
      await node.start();
      await write(node, version);
      if (version === VERSIONS) await requireNewest(node);
      await node.kill();
    }
    await cp(node.dataDir, copy, { recursive: true });
  };
  const restore = async () => {
    await rm(node.dataDir, { recursive: true });
    await cp(copy, node.dataDir, { recursive: true });
  };
  const setAside = async () =>
    (await readdir(node.dataDir)).filter((name) => name.startsWith('table.corrupt'));
  const damagedTable = () => node.log.some((line) => line.includes('"msg":"the table is damaged"'));

  /** Damages of the table one after the other, without a repair between: the log has everything. */
  const requireMended = async (damages: Damages) => {
    for (const [name, damage] of Object.entries(damages)) {
      await damage(join(node.dataDir, 'table'));
      node.log.length = 0;
      await node.start();
      await requireNewest(node);
      assert.ok(damagedTable(), name);
      const { warnings } = await node.status();
      assert.ok(warnings.some((line) => line.startsWith('the table was damaged')));
      assert.equal((await setAside()).length, 1, name);
      // Once more, so that there is a table file to be damaged.
      await node.stop();
      await node.start();
      assert.ok(!(await node.status()).warnings.some((line) => line.includes('damaged')));
      await node.kill();
    }
  };
  const whileRunning = async () => {
    await flipped(SST)(join(node.dataDir, 'table'));
    node.log.length = 0;
    await node.start();
    // A read that meets the damage fails; it never gives another value.
    for (let key = 0; key < KEYS && !damagedTable(); key++) {
      const answer = await node.get(`k${key}`).catch(() => undefined);
      if (answer?.status === 200) assert.equal(answer.json.value, valueFor(key, VERSIONS));
      else if (answer?.status === 404) assert.ok(isDeleted(key, VERSIONS));
    }
    await node.untilHealthy();
    await requireNewest(node);
    assert.ok(damagedTable());
  };

  describe('with Kafka', () => {
    let kafka: SharedKafka;
    before(async () => {
      kafka = await sharedKafka();
    });
    after(() => kafka?.release());

    const env = (): Record<string, string> => ({
      BROKER_LIST: kafka.brokerList,
      ZOOKEEPER_HOSTS: 'none',
      KAFKA_TOPIC: uniqueName('mended'),
      KAFKA_PARTITIONS: '2',
      NODE_ADDRESS: '127.0.0.1',
      NODE_ID: 'mended',
    });

    it('sets it aside, keeps one, rebuilds from the log, and never gives a wrong value', async () => {
      await written(env());
      await requireMended(UNREADABLE);
      await whileRunning();
    });

    it('goes on from what is left of a write-ahead log', async () => {
      await written(env());
      const table = join(node.dataDir, 'table');
      for (const damage of [cutTo(LOG, 0), cutTo(LOG, 0.3), flipped(LOG)]) {
        await damage(table);
        node.log.length = 0;
        await node.start();
        await requireNewest(node);
        assert.ok(!damagedTable());
        await node.kill();
        await restore();
      }
    });
  });

  describe('alone', () => {
    it('sets a damaged table aside and rebuilds it from its log', async () => {
      await written({});
      await requireMended(LOST);
      await whileRunning();
    });

    it('ends with 1 and the remedy where its log is damaged, and leaves the log as it is', async () => {
      await written({});
      const fatal = {
        ...LOST,
        ...UNREADABLE,
        'a bit flipped in the log': flipped(LOG, 1),
        'no write-ahead log': removed(LOG),
      };
      for (const [name, damage] of Object.entries(fatal)) {
        const log = join(node.dataDir, 'log');
        await damage(log);
        const before = await contents(log);
        await assert.rejects(node.listen(), /exit 1: .*only copy.*put a copy/s, name);
        assert.deepEqual(await contents(log), before, name);
        await restore();
      }
      await rm(join(node.dataDir, 'log'), { recursive: true });
      await node.listen();
      assert.equal(await node.ended(), 2, 'an empty log under our data');
      await restore();
      await node.start();
      await requireNewest(node);
    });

    it('gives no value that was never there after a log that was cut at any byte', async () => {
      await written({});
      for (const part of [0, 0.01, 0.5, 0.999]) {
        await cutTo(LOG, part)(join(node.dataDir, 'log'));
        await node.start();
        for (const [key, version] of await read(node)) {
          assert.ok(
            version !== 1 && (version > 0 || isDeleted(key, 2) || isDeleted(key, 3)),
            `k${key}`,
          );
        }
        assert.ok((await readdir(node.dataDir)).some((each) => each.startsWith('lost-')));
        await node.kill();
        await restore();
      }
    });
  });
});

async function contents(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const each of (await readdir(folder)).sort()) {
    const path = join(folder, each);
    // Not the engine's own notes of an opening.
    if (/^(LOG|OPTIONS|LOCK)/.test(each) || !(await stat(path)).isFile()) continue;
    found.push(`${each} ${(await readFile(path)).toString('latin1')}`);
  }
  return found;
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SETTING_NAMES } from '../../src/settings/table.ts';
import { eventually } from '../helpers/eventually.ts';
import { RawHttp } from '../helpers/raw-http.ts';
import { runProgram } from '../helpers/run-program.ts';
import { TestNode } from '../helpers/test-node.ts';

const NOBODY = '127.0.0.1:1';
const SECRET = 'hunter2-hunter2';

describe('the command line', () => {
  let folder: string;
  const nodes: TestNode[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bitacora-commands-'));
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    await rm(folder, { recursive: true, force: true });
  });

  const made = async (options: Parameters<typeof TestNode.make>[0]) => {
    const node = await TestNode.make(options);
    nodes.push(node);
    return node;
  };

  it('helps, tells its version, and ends with 2 where it understands nothing', async () => {
    const [help, serveHelp, version, none, unknown] = await Promise.all([
      runProgram(['--help']),
      runProgram(['serve', '--help']),
      runProgram(['--version']),
      runProgram([]),
      runProgram(['sevre']),
    ]);
    for (const { code, stdout, stderr } of [help, serveHelp]) {
      assert.deepEqual([code, stderr], [0, '']);
      for (const name of SETTING_NAMES) {
        const flag = `--${name.toLowerCase().replaceAll('_', '-')}`;
        assert.ok(stdout.includes(`${flag} (${name})`), name);
      }
      assert.match(stdout, /--accept-new-log\n/);
      assert.match(stdout, /Exit codes: 0 clean stop, 1 failure, 2 /);
    }
    const stated = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    ) as { version: string };
    assert.deepEqual([version.code, version.stdout], [0, `${stated.version}\n`]);
    for (const { code, stdout, stderr } of [none, unknown]) {
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /bitacora serve \[flags\]/);
    }
  });

  it('reports all bad settings at once, by name, before it opens anything', async () => {
    const dataDir = join(folder, 'unopened');
    const { code, stdout, messages } = await runProgram(
      ['serve', '--codec', 'json', '--api-prot=1', '--stale-after-ms', '0', 'stray', '-q'],
      {
        DATA_DIR: dataDir,
        STORAGE: 'memory',
        BROKER_LIST: 'host:9092',
        KAFKA_TOPIC: 'a b',
        VALUE_BYTES_MAX: '16MiB',
        KEY_BYTES_MAX: '',
        BROKERLIST: 'x',
        ZOOKEPER_HOST: 'x',
        FAR_FROM_ANYTHING: 'x',
        KAFKA_SASL_PASSWORD: ' ',
        KAFKA_SECURITY_PROTOCOL: 'sasl_ssl',
      },
    );
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(existsSync(dataDir), false);
    const expected = [
      /STORAGE: got "memory" together with BROKER_LIST, expected /,
      /KAFKA_TOPIC: got "a b", expected a topic name/,
      /VALUE_BYTES_MAX: got "16MiB", expected a size/,
      /CODEC \(--codec\): got "json", expected one of raw, avro/,
      /STALE_AFTER_MS \(--stale-after-ms\): got "0", expected milliseconds/,
      /--api-prot: unknown flag, did you mean --api-port\?/,
      /"stray": expected a flag/,
      /-q: unknown flag/,
      /BROKERLIST: unknown variable, did you mean BROKER_LIST\?/,
      /ZOOKEPER_HOST: unknown variable, did you mean ZOOKEEPER_HOSTS\?/,
      /KAFKA_SASL_PASSWORD: got a secret, expected/,
      /KAFKA_SASL_USERNAME: got nothing, expected a text with KAFKA_SECURITY_PROTOCOL=sasl_ssl/,
    ];
    for (const each of expected) {
      assert.equal(messages.filter((line) => each.test(line)).length, 1, String(each));
    }
    assert.equal(messages.length, expected.length, messages.join('\n'));
  });

  it('tells of certificates that cannot be read with all other bad settings', async () => {
    const dataDir = join(folder, 'unopened-too');
    const key = 'MIGHAgEA-that-lacks-its-frame';
    const { code, messages, stderr } = await runProgram(['serve', '--api-port', 'x'], {
      DATA_DIR: dataDir,
      BROKER_LIST: NOBODY,
      KAFKA_SECURITY_PROTOCOL: 'ssl',
      KAFKA_SSL_CA: '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----',
      KAFKA_SSL_CERT: '/nowhere/cert.pem',
      KAFKA_SSL_KEY: key,
    });
    assert.equal(code, 2);
    assert.deepEqual(
      messages.map((line) => /bad setting (\w+)/.exec(line)?.[1]),
      ['API_PORT', 'KAFKA_SSL_CERT', 'KAFKA_SSL_KEY', 'KAFKA_SSL_CA'],
    );
    assert.equal(existsSync(dataDir), false);
    assert.equal(stderr.includes(key), false);
  });

  it('ends with 1 where a port is taken, with 2 where the folder is somebody else’s', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await eventually('it listens', () => holder.listening);
    const taken = String((holder.address() as { port: number }).port);
    const [busy, foreign, refusing] = await Promise.all([
      runProgram(['serve'], { API_PORT: taken, STORAGE: 'memory' }),
      runProgram(['serve'], { API_PORT: '0', DATA_DIR: tmpdir() }),
      // A folder that is there and takes no other.
      runProgram(['serve'], { API_PORT: '0', DATA_DIR: '/proc/bitacora/data' }),
    ]);
    holder.close();
    assert.equal(busy.code, 1);
    assert.match(busy.messages.join('\n'), /EADDRINUSE/);
    assert.equal(foreign.code, 2);
    assert.match(foreign.messages.join('\n'), /not ours/);
    assert.equal(refusing.code, 2);
    assert.match(refusing.messages.join('\n'), /proc.*give a directory as DATA_DIR/);
  });

  it('says in its first log line which storage it has and why; NDJSON on stderr', async () => {
    const node = await made({ env: { STORAGE: '', CODEC: '', LOG_LEVEL: 'debug' } });
    await node.start();
    const [first = '', ...rest] = node.log.map((line) => JSON.parse(line));
    assert.deepEqual(
      [first.msg, first.storage, first.why],
      ['starting', 'standalone', 'neither BROKER_LIST nor ZOOKEEPER_HOSTS given'],
    );
    for (const line of [first, ...rest]) {
      assert.deepEqual(
        ['level', 'time', 'msg'].map((name) => typeof line[name]),
        ['number', 'number', 'string'],
      );
    }
    assert.equal(await node.kill('SIGINT'), 0);
    assert.equal(node.stdout.length, 1);
  });

  it('waits for ever for Kafka and ZooKeeper, and keeps secrets to itself', async () => {
    const node = await made({
      env: {
        ZOOKEEPER_HOSTS: `${NOBODY}/chroot`,
        BROKER_LIST: NOBODY,
        KAFKA_SECURITY_PROTOCOL: 'sasl_plaintext',
        KAFKA_SASL_USERNAME: 'bitacora',
        KAFKA_SASL_PASSWORD: SECRET,
        LOG_LEVEL: 'trace',
      },
    });
    await node.listen();
    const status = await node.call('GET', '/status');
    const { state, ready, log, cluster } = status.json;
    assert.deepEqual([state, ready, cluster.connected], ['connecting', false, false]);
    assert.deepEqual(log, {
      kind: 'kafka',
      topic: 'bitacora',
      clusterId: null,
      topicId: null,
      connected: false,
      partitions: [],
    });
    const health = await node.call('GET', '/health');
    assert.deepEqual([health.status, health.text], [503, 'DOWN']);
    assert.equal(await node.stop(), 0);
    assert.deepEqual(node.stdout, []);
    assert.equal(`${status.text}${node.log.join('\n')}`.includes(SECRET), false);
  });

  it('answers what is in flight at a stop within 8 s, and is gone within 10', async () => {
    const node = await made({ env: { STORAGE: 'memory' } });
    await node.start();
    const port = Number(node.http.split(':')[1]);
    const [slow, idle] = await Promise.all([RawHttp.connect(port), RawHttp.connect(port)]);
    slow.send('POST /rpc?key=slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf');
    idle.send('GET /rpc?key=none HTTP/1.1\r\nHost: x\r\n\r\n');
    await idle.answers(1);
    const since = performance.now();
    const gone = node.stop();
    await idle.untilClosed();
    // The runtime closes silent connections first, and the listener right after.
    await eventually('nobody listens', async () => {
      const late = await RawHttp.connect(port).catch(String);
      if (typeof late !== 'string') late.close();
      return typeof late === 'string' && late.includes('ECONNREFUSED');
    });
    const [answer] = await slow.answers(1);
    assert.ok(performance.now() - since < 8_000, `${performance.now() - since} ms`);
    assert.ok(answer !== undefined);
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1']);
    const { code, outcome } = JSON.parse(answer.text);
    assert.deepEqual([code, outcome], ['log_unavailable', 'not_written']);
    assert.equal(await gone, 0);
    assert.ok(performance.now() - since < 10_000, `${performance.now() - since} ms`);
    slow.close();
  });
});

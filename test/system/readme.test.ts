import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseCurl, runCurl } from '../helpers/curl.ts';
import { eventually } from '../helpers/eventually.ts';
import { kcatProduce } from '../helpers/kcat.ts';
import {
  matchesAnswer,
  normalised,
  type ReadmeCommand,
  readmeCommands,
  readmeProgram,
} from '../helpers/readme.ts';
import { TestNode } from '../helpers/test-node.ts';
import { jarFolder } from '../services/jars.ts';
import { sharedKafka, sharedZookeeper, uniqueName } from '../services/shared.ts';

const run = promisify(execFile);
const ROOT = new URL('../../', import.meta.url).pathname;
const CLUSTER = 'Three nodes';
const RUN_MS_MAX = 60_000;
const commands = readmeCommands();

/** The README's addresses, in the order of its nodes. */
const HTTP = ['127.0.0.1:8082', '127.0.0.1:8084', '127.0.0.1:8086'];
const AVRO = ['127.0.0.1:8083', '127.0.0.1:8085', '127.0.0.1:8087'];

/** Sends a command to the nodes that stand for the README's and shows the answer in its addresses. */
async function replay(command: string, nodes: readonly TestNode[]): Promise<string> {
  const parsed = parseCurl(command);
  const { host } = new URL(parsed.url);
  const node = nodes[HTTP.indexOf(host)];
  assert.ok(node !== undefined, `no node for ${host}`);
  let text = await runCurl({ ...parsed, url: parsed.url.replace(host, node.http) });
  for (const [i, each] of nodes.entries()) {
    text = text.replaceAll(each.http, HTTP[i] ?? '').replaceAll(each.avro, AVRO[i] ?? '');
  }
  return text;
}

async function requireAnswer(shown: ReadmeCommand, nodes: readonly TestNode[]): Promise<void> {
  const { command, answer } = shown;
  let given = '';
  const same = async () => {
    given = await replay(command, nodes);
    return matchesAnswer(answer, given);
  };
  // Counts follow the writes of other nodes; all else is right at once.
  if (command.endsWith("/status'")) await eventually('the status as shown', same).catch(() => {});
  else await same();
  if (!matchesAnswer(answer, given)) assert.equal(normalised(given), normalised(answer));
}

describe('the README’s examples for one node', () => {
  let node: TestNode;

  before(async () => {
    node = await TestNode.start({ env: { STORAGE: 'memory' } });
  });
  after(() => node.dispose());

  for (const each of commands.filter(({ section }) => section !== CLUSTER)) {
    it(each.command, () => requireAnswer(each, [node]));
  }

  it('the program in TypeScript prints what its comments say', async () => {
    const program = readmeProgram('ts');
    const code = program.replaceAll(AVRO[0] ?? '', node.avro);
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], {
      cwd: ROOT,
      timeout: RUN_MS_MAX,
    });
    assert.equal(stdout, commentsOf(program));
  });

  it('the program in Java prints what its comments say', async () => {
    const jars = await jarFolder({
      name: 'avro-1.12.0',
      dependencies: ['org.apache.avro:avro-ipc-netty:1.12.0', 'org.slf4j:slf4j-nop:2.0.13'],
    });
    const program = readmeProgram('java');
    const folder = await mkdtemp(join(tmpdir(), 'bitacora-readme-'));
    try {
      const file = join(folder, 'Example.java');
      await writeFile(file, program.replace('8083', node.avro.split(':')[1] ?? ''));
      const options = ['-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`, file];
      const { stdout } = await run('java', options, { cwd: ROOT, timeout: RUN_MS_MAX });
      assert.equal(stdout, commentsOf(program));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('the README’s three nodes', () => {
  const topic = uniqueName('readme');
  const releases: (() => Promise<void>)[] = [];
  const nodes: TestNode[] = [];
  let brokers: string;

  before(async () => {
    const [kafka, zookeeper] = await Promise.all([sharedKafka(), sharedZookeeper()]);
    releases.push(
      () => kafka.release(),
      () => zookeeper.release(),
    );
    brokers = kafka.brokerList;
    const env = {
      BROKER_LIST: brokers,
      ZOOKEEPER_HOSTS: `${zookeeper.hosts}/${topic}`,
      KAFKA_TOPIC: topic,
      NODE_ADDRESS: '127.0.0.1',
    };
    const started = Array.from({ length: 3 }, () => TestNode.start({ env }));
    nodes.push(...(await Promise.all(started)));
    // Members are shown by address, as in the README.
    nodes.sort((a, b) => (a.http < b.http ? -1 : 1));
    await eventually('three members', async () => {
      const each = await Promise.all(nodes.map((node) => node.status()));
      return each.every(({ cluster }) => cluster.members.length === 3);
    });
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.dispose()));
    for (const release of releases) await release();
  });

  for (const each of commands.filter(({ section }) => section === CLUSTER)) {
    it(each.command, async () => {
      const produced = /^echo '([^:']*):([^']*)' \| kcat -P -b \S+ -t bitacora -K: (-X \S+)$/.exec(
        each.command,
      );
      if (produced === null) return requireAnswer(each, nodes);
      const [, key = '', value = '', option = ''] = produced;
      await kcatProduce(brokers, topic, [[key, value]], option.split(' '));
      assert.equal(each.answer, '');
    });
  }
});

/** What a program says that it prints: the comments behind its printing lines. */
function commentsOf(program: string): string {
  return program
    .split('\n')
    .map((line) => / \/\/ (.+)$/.exec(line)?.[1])
    .filter((comment) => comment !== undefined)
    .map((comment) => `${comment}\n`)
    .join('');
}

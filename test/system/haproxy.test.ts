import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Agent, request } from 'undici';
import { BitacoraClient } from '../../src/client/client.ts';
import { eventually } from '../helpers/eventually.ts';
import { checkShipped, Haproxy } from '../helpers/haproxy.ts';
import { TestNode } from '../helpers/test-node.ts';
import { freePorts } from '../services/process.ts';

/** A check a second, two of them to call a node dead: with the slowest answer, and room for a busy machine. */
const OUT_WITHIN_MS = 10_000;
const ANSWER_MS_MAX = 1_000;
const KEY = 'who';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The shipped deploy/haproxy.cfg in front of three nodes that know nothing of each other. */
describe('HAProxy before three nodes', () => {
  const nodes: TestNode[] = [];
  const names = ['node1', 'node2', 'node3'];
  const agent = new Agent();
  let balancer: Haproxy;

  before(async () => {
    const ports = await freePorts(6);
    for (const index of names.keys()) {
      const env = {
        STORAGE: 'memory',
        API_PORT: `${ports[2 * index]}`,
        AVRO_PORT: `${ports[2 * index + 1]}`,
      };
      nodes.push(await TestNode.make({ env }));
    }
    await Promise.all([...names.keys()].map(restart));
    balancer = await Haproxy.start(nodes);
  });

  after(async () => {
    await balancer?.stop();
    await agent.close();
    await Promise.all(nodes.map((node) => node.dispose()));
  });

  /** Starts a node, and lets it say its name. */
  async function restart(index: number): Promise<void> {
    await nodes[index]!.start();
    assert.equal((await nodes[index]!.put(KEY, names[index]!)).status, 200);
  }

  async function call(method: 'GET' | 'POST', path: string): Promise<Answer> {
    const answer = await request(`http://${balancer.http}${path}`, {
      method,
      dispatcher: agent,
      headersTimeout: ANSWER_MS_MAX,
      bodyTimeout: ANSWER_MS_MAX,
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  /** The nodes that answer `count` reads in a row; rejects when one is not answered with 200. */
  async function answering(count = 12): Promise<string[]> {
    const seen = new Set<string>();
    for (let i = 0; i < count; i++) {
      const { status, text } = await call('GET', `/rpc?key=${KEY}`);
      assert.equal(status, 200, text);
      seen.add((JSON.parse(text) as { value: string }).value);
    }
    return [...seen].sort();
  }

  function untilAnswering(expected: readonly string[]): Promise<unknown> {
    return eventually(
      `${expected.join(', ')} answer, and no other`,
      async () => (await answering()).join() === expected.join(),
      { withinMs: OUT_WITHIN_MS },
    );
  }

  it('is given a configuration that it finds valid', async () => {
    const said = await checkShipped();
    assert.match(said, /Configuration file is valid/);
    const faults = said.split('\n').filter((line) => /ALERT|WARNING/.test(line));
    assert.deepEqual(
      faults.filter((line) => !line.includes("could not resolve address 'node")),
      [],
    );
  });

  it('spreads requests over all of them', async () => {
    assert.deepEqual(await answering(), names);
  });

  it('lets the longest key through, every byte of it percent-encoded', async () => {
    const key = '%C3%A9'.repeat(4_096);
    const { status, text } = await call('GET', `/rpc?key=${key}`);
    assert.deepEqual([status, text.length > 4_096], [404, true]);
  });

  it('passes Avro calls on', async () => {
    const client = await BitacoraClient.connect({ servers: [balancer.avro] });
    try {
      assert.ok(names.includes((await client.get(KEY)) ?? ''));
    } finally {
      await client.close();
    }
  });

  it('answers every read while a node is killed, and leaves that node', async () => {
    const reads = answering(400);
    await nodes[0]!.kill('SIGKILL');
    await reads;
    await untilAnswering(['node2', 'node3']);
    for (let i = 0; i < 12; i++) {
      assert.equal((await call('POST', `/rpc?key=new-${i}&value=v`)).status, 200);
    }
  });

  it('comes back to a node that comes back', async () => {
    await restart(0);
    await untilAnswering(names);
  });

  it('answers every read while a node is stopped', async () => {
    const reads = answering(400);
    assert.equal(await nodes[1]!.stop(), 0);
    await reads;
    await untilAnswering(['node1', 'node3']);
    await restart(1);
    await untilAnswering(names);
  });

  it('leaves a node that takes connections and answers nothing', async () => {
    nodes[2]!.signal('SIGSTOP');
    try {
      await untilAnswering(['node1', 'node2']);
    } finally {
      nodes[2]!.signal('SIGCONT');
    }
    await untilAnswering(names);
  });

  it('says itself when no node is left', async () => {
    assert.equal((await call('GET', '/balancer')).status, 200);
    await Promise.all(nodes.map((node) => node.kill('SIGKILL')));
    await eventually(
      'the balancer is down',
      async () => (await call('GET', '/balancer')).status === 503,
      { withinMs: OUT_WITHIN_MS },
    );
    assert.equal((await call('GET', `/rpc?key=${KEY}`)).status, 503);
  });
});

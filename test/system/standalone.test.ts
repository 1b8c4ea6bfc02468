import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { TestNode } from '../helpers/test-node.ts';

/** One node on the embedded log, as `npm start` gives it. */
describe('a standalone node', () => {
  const nodes: TestNode[] = [];
  const started = async (options: Parameters<typeof TestNode.start>[0] = {}) => {
    const node = await TestNode.start(options);
    nodes.push(node);
    return node;
  };
  after(() => Promise.all(nodes.map((node) => node.dispose())));

  it('sets, gets and deletes; the answers say how far they can be trusted', async () => {
    const node = await started();
    const put = await node.call('POST', '/rpc?key=one&value=abc');
    assert.equal(put.status, 200);
    assert.match(put.text, /^\{"key":"one","version":"\d+:0","timestamp":\d{13}\}$/);
    const got = await node.get('one');
    assert.equal(
      got.text,
      `{"key":"one","value":"abc","timestamp":${put.json.timestamp},"source":1,"ttl":0,"uuid":"${put.json.version}"}`,
    );
    assert.equal(got.headers['bitacora-read'], 'final');
    assert.equal(got.headers['bitacora-version'], put.json.version);
    const deleted = await node.delete('one');
    assert.equal(deleted.status, 200);
    const gone = await node.get('one');
    assert.equal(gone.status, 404);
    assert.equal(gone.text, '{"message":"Key one not found"}');
    assert.equal(gone.headers['bitacora-deleted'], 'true');
    assert.equal(gone.headers['bitacora-read'], 'final');
    const status = await node.status();
    assert.deepEqual(
      [status.state, status.ready, status.entries, status.markers, status.cluster.kind],
      ['running', true, 0, 1, 'none'],
    );
  });

  it('reads its own writes at once', async () => {
    const node = await started({ env: { STORAGE: 'memory' } });
    for (let i = 0; i < 200; i++) {
      await node.put('key', `${i}`);
      const { json, headers } = await node.get('key');
      assert.deepEqual([json.value, headers['bitacora-read']], [`${i}`, 'final']);
    }
  });

  it('loses nothing when it is killed again and again', async () => {
    const node = await started();
    const acknowledged = new Map<string, string>();
    for (let round = 0; round < 5; round++) {
      const writes = Array.from({ length: 100 }, async (_, i) => {
        const [key, value] = [`k${i}`, `${round}`];
        const { status } = await node.put(key, value);
        if (status === 200) acknowledged.set(key, value);
      });
      await Promise.all(writes.slice(0, 50));
      const rest = Promise.allSettled(writes.slice(50));
      await node.kill();
      await rest;
      await node.start();
      for (const [key, value] of acknowledged) {
        const { json } = await node.get(key);
        assert.ok(Number(json.value) >= Number(value), `${key}: ${json.value} after ${value}`);
      }
    }
    assert.ok(acknowledged.size >= 50, `${acknowledged.size}`);
  });

  it('says the same of every key after a restart, before and after all is in memory', async () => {
    const node = await started();
    for (let i = 0; i < 300; i++) await node.put(`k${i}`, `old ${i}`);
    for (const key of ['gone', 'gone too']) {
      await node.put(key, 'old');
      await node.delete(key);
    }
    await node.kill();
    await node.start();
    // While the warm-up scans, or right before it.
    await node.put('k8', 'new');
    // Keys of its own each time: what was read once is in memory because of that.
    const check = async (kept: number, gone: string) => {
      assert.equal((await node.get(`k${kept}`)).json.value, `old ${kept}`);
      assert.equal((await node.get('k8')).json.value, 'new');
      const deleted = await node.get(gone);
      assert.deepEqual([deleted.status, deleted.headers['bitacora-deleted']], [404, 'true']);
      const never = await node.get('never');
      assert.deepEqual([never.status, never.headers['bitacora-deleted']], [404, undefined]);
      for (const { headers } of [deleted, never]) assert.equal(headers['bitacora-read'], 'final');
    };
    await check(5, 'gone');
    await eventually('all is in memory', () =>
      node.log.some((line) => line.includes('"msg":"entries are in memory"')),
    );
    await check(6, 'gone too');
  });

  it('says ready once on stdout and nothing else, and stops with 0', async () => {
    const node = await started();
    await eventually('it says ready', () => node.stdout.length > 0);
    assert.match(
      node.stdout[0] ?? '',
      /^bitacora ready http:\/\/127\.0\.0\.1:\d+ avro:\/\/127\.0\.0\.1:\d+$/,
    );
    const writes = Array.from({ length: 200 }, (_, i) => node.put(`k${i}`, 'v'));
    const settled = Promise.allSettled(writes);
    await writes[0];
    assert.equal(await node.stop(), 0);
    await settled;
    assert.match(node.log.at(-1) ?? '', /"msg":"stopped"/);
    assert.equal(node.log.filter((line) => line.includes('"msg":"recovered"')).length, 1);
    assert.equal(node.stdout.length, 1);
    for (const line of node.log) JSON.parse(line);
  });

  it('refuses a directory that another node holds, and another identity, with exit code 2', async () => {
    const node = await started();
    const second = await TestNode.make({ dataDir: node.dataDir });
    await assert.rejects(second.listen(), /exit 2/);
    await node.stop();
    const renamed = await TestNode.make({ dataDir: node.dataDir, env: { NODE_ID: 'other' } });
    await assert.rejects(renamed.listen(), /exit 2/);
    const recoded = await TestNode.make({ dataDir: node.dataDir, env: { CODEC: 'avro' } });
    await assert.rejects(recoded.listen(), /exit 2/);
  });

  it('reports every bad setting and exits with 2', async () => {
    const node = await TestNode.make({ env: { CODEC: 'json', API_PORT: 'x' } });
    nodes.push(node);
    await assert.rejects(node.listen(), /exit 2/);
    const text = node.log.join('\n');
    assert.match(text, /CODEC/);
    assert.match(text, /API_PORT/);
  });

  it('answers the same with a cache of one entry', async () => {
    const node = await started({ env: { CACHE_BYTES_MAX: '300' } });
    await Promise.all(Array.from({ length: 300 }, (_, i) => node.put(`k${i}`, `v${i}`)));
    await node.delete('k7');
    for (let i = 0; i < 300; i++) {
      const { status, json } = await node.get(`k${i}`);
      assert.deepEqual([status, json.value], i === 7 ? [404, undefined] : [200, `v${i}`]);
    }
    const { entries, markers } = await node.status();
    assert.deepEqual([entries, markers], [299, 1]);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BitacoraClient, BitacoraError } from 'bitacora/client';
import { TestNode } from '../helpers/test-node.ts';
import { sharedZookeeper, uniqueName } from '../services/shared.ts';

const NOBODY = '127.0.0.1:1';
const DEADLINE_MS = 700;

/** For assert.rejects; `within` of the deadline. */
function failsWith(code: string, text = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof BitacoraError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  };
}

/** The package as programs import it, built. */
describe('the TypeScript client', () => {
  let nodes: TestNode[] = [];
  before(async () => {
    const options = { env: { STORAGE: 'memory', KEY_BYTES_MAX: '64', VALUE_BYTES_MAX: '128' } };
    nodes = await Promise.all([TestNode.start(options), TestNode.start(options)]);
  });
  after(() => Promise.all(nodes.map((node) => node.dispose())));

  const nodeAt = (index: number) => {
    const node = nodes[index];
    assert.ok(node !== undefined);
    return node;
  };

  it('sets, gets and deletes texts', async () => {
    await using client = await BitacoraClient.connect({ servers: [nodeAt(0).avro] });
    assert.equal(await client.get('none'), null);
    assert.equal(await client.set('é\0', '€😀'), undefined);
    assert.equal(await client.get('é\0'), '€😀');
    await client.set('é\0', '');
    assert.equal(await client.get('é\0'), '');
    assert.equal(await client.delete('é\0'), undefined);
    await client.delete('é\0');
    assert.equal(await client.get('é\0'), null);
  });

  it('says what a server refuses, and that it is closed', async () => {
    const client = await BitacoraClient.connect({ servers: [nodeAt(0).avro] });
    await assert.rejects(client.get(''), failsWith('rejected'));
    await assert.rejects(client.get('k'.repeat(65)), failsWith('rejected', /^too_large: /));
    await assert.rejects(client.set('k', 'v'.repeat(129)), failsWith('rejected', /^too_large: /));
    await nodeAt(0).put('bytes', Buffer.from([0xff]));
    await assert.rejects(client.get('bytes'), failsWith('rejected', /^bad_value: /));
    await client.close();
    await client.close();
    await assert.rejects(client.get('k'), failsWith('closed'));
    await assert.rejects(client.set('k', 'v'), failsWith('closed'));
  });

  it('reads from another node while one is frozen; a write there has an unknown outcome', async () => {
    await using client = await BitacoraClient.connect(
      { servers: nodes.map(({ avro }) => avro) },
      { deadlineMs: DEADLINE_MS },
    );
    for (let i = 0; i < 8; i++) await client.get('warm');
    nodeAt(0).signal('SIGSTOP');
    try {
      const reads = Array.from({ length: 8 }, () => client.get('none'));
      assert.deepEqual(await Promise.all(reads), Array(8).fill(null));
      nodeAt(1).signal('SIGSTOP');
      const since = performance.now();
      await Promise.all([
        assert.rejects(client.get('none'), failsWith('timeout')),
        assert.rejects(client.set('k', 'v'), failsWith('unknown_outcome')),
      ]);
      // Nothing answers any more: this one is not sent at all.
      await assert.rejects(client.set('k', 'v'), failsWith('unavailable'));
      const after = performance.now() - since;
      assert.ok(after < 2 * DEADLINE_MS + 400, `${after} ms`);
    } finally {
      for (const node of nodes) node.signal('SIGCONT');
    }
    assert.equal(await client.get('none'), null);
  });

  it('says so when there is nobody, or nobody left', async () => {
    const options = { deadlineMs: DEADLINE_MS };
    const { hosts, release } = await sharedZookeeper();
    try {
      const empty = { zookeeper: `${hosts}/${uniqueName('nobody')}` };
      for (const where of [{ servers: [NOBODY] }, { zookeeper: NOBODY }, empty]) {
        const since = performance.now();
        const asked = async () => {
          await using client = await BitacoraClient.connect(where, options);
          await client.get('k');
        };
        await assert.rejects(asked(), failsWith('unavailable'), JSON.stringify(where));
        assert.ok(performance.now() - since < 3 * DEADLINE_MS, JSON.stringify(where));
      }
    } finally {
      await release();
    }
    await using client = await BitacoraClient.connect({ servers: [nodeAt(1).avro] }, options);
    assert.equal(await client.get('none'), null);
    await nodeAt(1).kill();
    await assert.rejects(client.get('none'), failsWith('unavailable'));
    await assert.rejects(client.set('k', 'v'), failsWith('unavailable'));
  });
});

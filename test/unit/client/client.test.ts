import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { deferred } from '../../../src/async.ts';
import { BitacoraClient } from '../../../src/client/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { failsWith, openClient, openProxiedDoor } from '../../helpers/rpc-client.ts';
import { openDoor } from '../../helpers/rpc-door.ts';

/** What a program prints, in a process that has to end by itself. */
async function outputOf(program: string): Promise<string> {
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
  return stdout;
}

describe('BitacoraClient', () => {
  it('sets, gets and deletes', async (t) => {
    const door = await openDoor(t);
    const client = await openClient(t, [door]);
    for (const value of ['value', '', 'café €😀', 'x'.repeat(1_000_000)]) {
      assert.equal(await client.set('k', value), undefined);
      assert.equal(await client.get('k'), value);
    }
    assert.equal(await client.delete('k'), undefined);
    assert.equal(await client.get('k'), null);
    assert.equal(await client.get('__proto__'), null);
  });

  it('has 256 calls in flight and makes 70,000 on one connection', async (t) => {
    const door = await openDoor(t);
    const client = await openClient(t, [door]);
    const calls = 70_000;
    let next = 0;
    await Promise.all(
      Array.from({ length: 256 }, async (_, worker) => {
        const key = `key ${worker}`;
        await client.set(key, `value ${worker}`);
        while (next++ < calls) assert.equal(await client.get(key), `value ${worker}`);
      }),
    );
    assert.equal(door.door.connections, 1);
  });

  it('reads its own writes, although each server has applied only those it took', async (t) => {
    const doors = await Promise.all([openDoor(t), openDoor(t), openDoor(t)]);
    const client = await openClient(t, doors);
    for (let i = 0; i < 60; i++) {
      await client.set(`k${i % 7}`, `${i}`);
      assert.equal(await client.get(`k${i % 7}`), `${i}`);
    }
    assert.ok(doors.filter(({ store }) => store.calls.length > 0).length > 1);
  });

  it('is closed at the end of its scope, and then for good', async (t) => {
    const door = await openDoor(t);
    let kept: BitacoraClient;
    {
      await using client = await BitacoraClient.connect({ servers: [door.server] });
      await client.set('k', 'v');
      kept = client;
    }
    await assert.rejects(kept.get('k'), failsWith('closed'));
    await assert.rejects(kept.set('k', 'v'), failsWith('closed'));
    await kept.close();
    await eventually('the door sees it go', () => door.door.connections === 0);
  });

  it('ends what is in flight when it is closed', async (t) => {
    const door = await openDoor(t);
    door.store.immediate = false;
    door.store.gate = new Promise(() => {});
    const client = await openClient(t, [door]);
    const get = assert.rejects(client.get('k'), failsWith('closed'));
    const set = assert.rejects(client.set('k', 'v'), failsWith('unknown_outcome'));
    await eventually('both are under way', () => door.store.calls.length === 3);
    await client.close();
    await Promise.all([get, set]);
  });

  it('passes on what a server refuses, and refuses what is no text itself', async (t) => {
    const door = await openDoor(t);
    const client = await openClient(t, [door]);
    await assert.rejects(
      client.get('k'.repeat(9_000)),
      failsWith('rejected', /^too_large: .*8192/),
    );
    door.store.seed('bytes', 'live', Buffer.from([0xff]));
    await assert.rejects(client.get('bytes'), failsWith('rejected', /^bad_value: /));
    const asked = door.store.calls.length;
    await assert.rejects(client.get(''), failsWith('rejected', /^bad_key: /));
    await assert.rejects(client.get('\ud800'), failsWith('rejected', /^bad_key: /));
    await assert.rejects(client.set('k', '\udc00'), failsWith('rejected', /^bad_value: /));
    const wrong = client.set as (key: string, value: unknown) => Promise<void>;
    await assert.rejects(wrong.call(client, 'k', 1), failsWith('rejected', /strings/));
    assert.equal(door.store.calls.length, asked);
  });

  it('says at once what makes no sense', async () => {
    const connect = (servers: string[], options = {}) =>
      BitacoraClient.connect({ servers }, options);
    await assert.rejects(connect([]), TypeError);
    await assert.rejects(connect(['nonsense']), /expected host:port, got "nonsense"/);
    await assert.rejects(connect(['h:99999']), TypeError);
    await assert.rejects(connect(['h:1'], { deadlineMs: 0 }), TypeError);
    await assert.rejects(connect(['h:1'], { maxConnections: 0.5 }), TypeError);
  });

  it('keeps a process alive as long as it waits or is open, and no longer', async (t) => {
    const door = await openProxiedDoor(t);
    const module = new URL('../../../src/client/client.ts', import.meta.url).href;
    const program = `
      import { BitacoraClient } from '${module}';
      const client = await BitacoraClient.connect({ servers: ['${door.server}'] });
      await client.set('k', 'v');
      console.log(await client.get('k'));
      await client.close();
      const nobody = BitacoraClient.connect({ servers: ['127.0.0.1:1'] }, { deadlineMs: 300 });
      console.log(await nobody.catch(({ code }) => code));`;
    assert.equal(await outputOf(program), 'v\nunavailable\n');
  });

  it('keeps a process alive until a call that nobody answers is given up', async (t) => {
    const door = await openDoor(t);
    door.store.immediate = false;
    const gate = deferred<void>();
    door.store.gate = gate.promise;
    t.after(() => gate.resolve());
    const module = new URL('../../../src/client/client.ts', import.meta.url).href;
    const program = `
      import { BitacoraClient } from '${module}';
      const client = await BitacoraClient.connect({ servers: ['${door.server}'] }, { deadlineMs: 300 });
      console.log(await client.get('k').catch(({ code }) => code));
      console.log(await client.set('k', 'v').catch(({ code }) => code));
      await client.close();`;
    assert.equal(await outputOf(program), 'timeout\nunknown_outcome\n');
  });
});

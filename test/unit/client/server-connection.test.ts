import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { ServerConnection } from '../../../src/client/server-connection.ts';
import { loadRpcProtocol } from '../../../src/codec/rpc-protocol.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../helpers/eventually.ts';
import { openProxiedDoor } from '../../helpers/rpc-client.ts';

const SET = { message: 'setValue', key: 'k', value: 'w' } as const;
const GET = { message: 'getValue', key: 'k', value: '' } as const;

/** A connection to a door whose writes wait at a gate; reads are answered at once. */
async function openGated(t: Pick<TestContext, 'after'>) {
  const door = await openProxiedDoor(t);
  door.store.seed('k', 'live', 'v');
  const gate = deferred<void>();
  door.store.gate = gate.promise;
  let closed = 0;
  const connection = await ServerConnection.open({
    server: door.server,
    protocol: loadRpcProtocol(),
    connectMs: 5_000,
    clock: systemClock,
    onClosed: () => closed++,
  });
  t.after(() => connection.close());
  const call = (of: typeof SET | typeof GET, ms: number) => {
    const sentAt = systemClock.monotonic();
    return connection.call(of, sentAt, sentAt + ms);
  };
  return { door, gate, connection, call, closed: () => closed };
}

describe('ServerConnection', () => {
  it('ignores the answer to a call that was given up', async (t) => {
    const { gate, connection, call, closed } = await openGated(t);
    const set = call(SET, 100);
    let going = true;
    const reading = (async () => {
      while (going) assert.deepEqual(await call(GET, 5_000), { kind: 'value', value: 'v' });
    })();
    assert.deepEqual(await set, { kind: 'late' });
    going = false;
    await reading;
    assert.equal(connection.inFlight, 0);
    gate.resolve();
    // The server's late answer comes before this one's.
    assert.deepEqual(await call(SET, 5_000), { kind: 'value', value: null });
    assert.deepEqual(await call(GET, 5_000), { kind: 'value', value: 'w' });
    assert.deepEqual([connection.usable, closed()], [true, 0]);
  });

  it('takes no new call after silence for a whole call, and ends when the last is answered', async (t) => {
    const { door, gate, connection, call, closed } = await openGated(t);
    const [first, second] = [call(SET, 100), call(SET, 5_000)];
    assert.deepEqual(await first, { kind: 'late' });
    assert.deepEqual([connection.usable, connection.inFlight, closed()], [false, 1, 1]);
    assert.equal(door.door.connections, 1);
    gate.resolve();
    assert.deepEqual(await second, { kind: 'value', value: null });
    await eventually('it is closed', () => door.door.connections === 0);
    assert.equal(closed(), 1);
  });

  it('ends when the last call in flight is given up', async (t) => {
    const { door, gate, connection, call } = await openGated(t);
    const set = call(SET, 200);
    connection.retire();
    assert.equal(door.door.connections, 1);
    assert.deepEqual(await set, { kind: 'late' });
    // The door keeps a connection as long as it has a call of it.
    gate.resolve();
    await eventually('it is closed', () => door.door.connections === 0);
  });

  it('loses what is in flight when the connection goes', async (t) => {
    const { door, call, closed } = await openGated(t);
    const calls = [call(SET, 5_000), call(SET, 5_000)];
    await eventually('they are under way', () => door.store.calls.length === 2);
    door.proxy.reset();
    for (const outcome of await Promise.all(calls)) {
      assert.equal(outcome.kind, 'lost');
      assert.match(outcome.kind === 'lost' ? outcome.error.message : '', /was lost/);
    }
    assert.equal(closed(), 1);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { AvroReader } from '../../../src/codec/avro-binary.ts';
import { encodeHandshakeRequest, readHandshakeResponse } from '../../../src/codec/rpc-handshake.ts';
import { protocolHash } from '../../../src/codec/rpc-protocol.ts';
import { ServiceError, type ServiceErrorCode } from '../../../src/errors.ts';
import { openAvscClient } from '../../helpers/avsc-client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { openDoor } from '../../helpers/rpc-door.ts';
import {
  callFrame,
  frame,
  HANDSHAKE,
  PROTOCOL,
  RpcSocket,
  told,
} from '../../helpers/rpc-socket.ts';

describe('AvroDoor', () => {
  it('answers the three calls of avsc’s own client', async (t) => {
    const { server, store } = await openDoor(t);
    const client = openAvscClient(t, server);
    const texts = { plain: 'value', empty: '', emoji: 'café €😀', large: 'x'.repeat(900_000) };
    for (const [key, value] of Object.entries(texts)) {
      assert.equal(await client.call('setValue', { key, value }), null);
      assert.equal(await client.call('getValue', { key }), value);
    }
    assert.equal(store.entries.get('emoji')?.value.toString(), 'café €😀');
    assert.equal(await client.call('getValue', { key: 'missing' }), null);
    assert.equal(await client.call('delete', { key: 'plain' }), null);
    assert.equal(store.entries.get('plain')?.kind, 'marker');
    assert.equal(await client.call('getValue', { key: 'plain' }), null);
  });

  it('serves a client with another protocol text, and knows it again', async (t) => {
    const { server, store } = await openDoor(t);
    store.seed('k', 'live', 'v');
    const get = { request: [{ name: 'key', type: 'string' }], response: ['null', 'string'] };
    const other = { protocol: 'Mine', doc: 'mine', messages: { getValue: get } };
    for (let i = 0; i < 2; i++) {
      const client = openAvscClient(t, server, other);
      assert.equal(await client.call('getValue', { key: 'k' }), 'v');
    }
  });

  it('shakes hands as Java does: our text when asked for, the client’s when needed', async (t) => {
    const { server } = await openDoor(t);
    const text = JSON.stringify({ protocol: 'Q', messages: {} });
    const other = { text, hash: protocolHash(text) };
    const socket = await RpcSocket.open(t, server);
    const shake = async (serial: number, serverHash: Buffer, withText: boolean) => {
      const call = callFrame(0, 'getValue', 'k').subarray(12);
      socket.write(frame(serial, encodeHandshakeRequest(other, serverHash, withText), call));
      const { payload } = await socket.message(serial);
      const reader = new AvroReader(payload);
      const { match } = readHandshakeResponse(reader, 65_536);
      return { match, rest: payload.subarray(payload.length - reader.left) };
    };
    const none = await shake(1, PROTOCOL.hash, false);
    assert.deepEqual(none, { match: 'NONE', rest: Buffer.alloc(0) });
    const client = await shake(2, other.hash, true);
    assert.equal(client.match, 'CLIENT');
    // The protocol has no getValue: that is an error of the call, the connection stands.
    assert.match(
      told({ serial: 2, payload: client.rest }),
      /^not_implemented: There is no message/,
    );
    socket.write(callFrame(3, 'getValue', 'k'));
    assert.match(told(await socket.message(3)), /^not_implemented: /);
  });

  it('tells failures as code and message, of writes with the outcome', async (t) => {
    const { server, store } = await openDoor(t);
    const client = openAvscClient(t, server);
    const rejects = (message: string, request: Record<string, string>, text: RegExp) =>
      assert.rejects(client.call(message, request), text);
    await rejects('getValue', { key: '' }, /^Error: bad_key: The key is empty$/);
    await rejects('getValue', { key: 'k'.repeat(8_193) }, /^Error: too_large: .*8193.*8192/);
    await rejects('setValue', { key: 'k', value: 'v'.repeat(1_048_577) }, /^Error: too_large: /);
    store.seed('bytes', 'live', Buffer.from([0xff, 0xfe]));
    await rejects('getValue', { key: 'bytes' }, /^Error: bad_value: /);
    store.seed('odd', 'unreadable', 'no such header');
    await rejects('getValue', { key: 'odd' }, /^Error: unreadable: .*3:18, .*no such header$/);

    store.immediate = false;
    const fails = (code: ServiceErrorCode, outcome?: 'not_written' | 'unknown') => {
      store.fault = new ServiceError(code, 'So it is', outcome === undefined ? {} : { outcome });
    };
    fails('recovering');
    await rejects('getValue', { key: 'k' }, /^Error: recovering: So it is$/);
    fails('log_unavailable', 'unknown');
    await rejects(
      'delete',
      { key: 'k' },
      /^Error: log_unavailable: So it is \(outcome: unknown\)$/,
    );
    store.fault = new TypeError('a secret of the house');
    await rejects('setValue', { key: 'k', value: '' }, /^Error: storage: (?!.*secret).*unknown\)$/);
    await rejects('getValue', { key: 'k' }, /^Error: storage: (?!.*secret)/);
  });

  it('refuses keys and values that are not UTF-8', async (t) => {
    const { server, store } = await openDoor(t);
    const socket = await RpcSocket.ready(t, server);
    const broken = callFrame(1, 'setValue', 'kk', 'vv');
    broken[broken.indexOf('kk')] = 0xff;
    socket.write(broken);
    assert.match(told(await socket.message(1)), /^bad_key: /);
    const value = callFrame(2, 'setValue', 'kk', 'vv');
    value[value.indexOf('vv')] = 0xff;
    socket.write(value);
    assert.match(told(await socket.message(2)), /^bad_value: /);
    assert.equal(store.entries.size, 0);
  });

  it('answers 70,000 calls on one connection, with serials past 16 bits and negative ones', async (t) => {
    const { server, store } = await openDoor(t);
    store.seed('k', 'live', 'v');
    const socket = await RpcSocket.open(t, server);
    const first = 2_147_483_647 - 35_000;
    const call = callFrame(0, 'getValue', 'k').subarray(12);
    const calls = Array.from({ length: 70_000 }, (_, i) => frame((first + i) | 0, call));
    calls[0] = frame(first, HANDSHAKE, call);
    socket.write(Buffer.concat(calls));
    await eventually('all answers', () => socket.messages.length === 70_000);
    const serials = new Set(socket.messages.map(({ serial }) => serial));
    assert.equal(serials.size, 70_000);
    assert.ok(serials.has(2_147_483_647) && serials.has(-2_147_483_648));
    assert.ok(socket.messages.slice(1).every((message) => told(message) === '"v"'));
  });

  it('takes a client’s calls as far as 1,024 in flight and the rest as they are answered', async (t) => {
    const { server, store } = await openDoor(t);
    const gate = deferred<void>();
    store.immediate = false;
    store.gate = gate.promise;
    const asked = () => store.calls.filter((call) => call.startsWith('get ')).length;
    const socket = await RpcSocket.ready(t, server);
    const calls = Array.from({ length: 5_000 }, (_, i) => callFrame(i, 'getValue', 'k'));
    socket.write(Buffer.concat(calls));
    await eventually('1,024 calls under way', () => asked() === 1_024);
    // Others are served meanwhile, and it stays at that.
    await RpcSocket.ready(t, server);
    assert.equal(asked(), 1_024);
    gate.resolve();
    await eventually('all answers', () => socket.messages.length === 5_000);
  });

  it('stops reading a client that does not read its answers', async (t) => {
    const { server, store } = await openDoor(t);
    store.seed('k', 'live', Buffer.alloc(500_000, 'v'));
    const socket = await RpcSocket.ready(t, server);
    socket.socket.pause();
    const calls = Array.from({ length: 300 }, (_, i) => callFrame(i, 'getValue', 'k'));
    socket.write(Buffer.concat(calls));
    await eventually('some calls were taken', () => store.calls.length > 0);
    const other = await RpcSocket.ready(t, server);
    other.write(callFrame(1, 'getValue', 'k'));
    await other.message(1);
    // What the two kernels buffer is a matter of megabytes; all answers are 150 MB.
    assert.ok(store.calls.length < 100, `${store.calls.length} answers were made for nobody`);
    socket.socket.resume();
    await eventually('all answers', () => socket.messages.length === 300);
  });

  it('answers a client that has closed its side, then closes', async (t) => {
    const { server, store } = await openDoor(t);
    store.immediate = false;
    store.seed('k', 'live', 'v');
    const socket = await RpcSocket.ready(t, server);
    socket.socket.end(
      Buffer.concat([callFrame(1, 'getValue', 'k'), callFrame(2, 'getValue', 'k')]),
    );
    assert.equal(told(await socket.message(2)), '"v"');
    await socket.wasClosed();
  });

  it('keeps a port to itself', async (t) => {
    const { door } = await openDoor(t);
    await assert.rejects(openDoor(t, { port: door.port }), /Avro RPC cannot listen on 127/);
  });
});

describe('AvroDoor that stops', () => {
  it('answers what is under way, refuses what comes, and ends', async (t) => {
    const { server, store, door } = await openDoor(t);
    const gate = deferred<void>();
    store.gate = gate.promise;
    const busy = await RpcSocket.ready(t, server);
    const idle = await RpcSocket.ready(t, server);
    busy.write(callFrame(1, 'setValue', 'k', 'v'));
    await eventually('the call is under way', () => store.calls.length > 0);
    door.stopAccepting();
    const drained = door.drain(10_000);
    await eventually('the idle one was ended', () => idle.ended);
    idle.socket.end();
    busy.write(callFrame(2, 'setValue', 'k', 'w'));
    assert.match(told(await busy.message(2)), /^overloaded: .*\(outcome: not_written\)$/);
    gate.resolve();
    assert.equal(told(await busy.message(1), 'setValue'), 'null');
    await eventually('the busy one was ended', () => busy.ended);
    await drained;
    assert.equal(door.connections, 0);
    await assert.rejects(RpcSocket.open(t, server), /ECONNREFUSED/);
  });

  it('tells those that take too long that the outcome is unknown', async (t) => {
    const { server, store, door } = await openDoor(t);
    store.gate = new Promise(() => {});
    store.immediate = false;
    const socket = await RpcSocket.ready(t, server);
    socket.write(
      Buffer.concat([callFrame(1, 'setValue', 'k', 'v'), callFrame(2, 'getValue', 'k')]),
    );
    await eventually('both are under way', () => store.calls.length === 3);
    door.stopAccepting();
    await door.drain(50);
    assert.match(told(await socket.message(1)), /^log_unavailable: .*\(outcome: unknown\)$/);
    assert.match(told(await socket.message(2)), /^log_unavailable: [^(]*$/);
  });
});

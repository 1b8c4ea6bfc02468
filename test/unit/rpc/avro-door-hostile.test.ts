import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { encodeString } from '../../../src/codec/avro-binary.ts';
import { PING } from '../../../src/codec/rpc-calls.ts';
import { encodeHandshakeRequest } from '../../../src/codec/rpc-handshake.ts';
import { protocolHash } from '../../../src/codec/rpc-protocol.ts';
import { eventually } from '../../helpers/eventually.ts';
import { openDoor, type TestDoor } from '../../helpers/rpc-door.ts';
import { callFrame, frame, HANDSHAKE, RpcSocket, told } from '../../helpers/rpc-socket.ts';

function ints(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    bytes.writeInt32BE(value, i * 4);
  });
  return bytes;
}

type Test = Parameters<typeof openDoor>[0];

/** A client that has been there all along, and a check that it is still served. */
async function goodClient(t: Test, { server, store }: TestDoor): Promise<() => Promise<void>> {
  store.seed('good', 'live', 'yes');
  const socket = await RpcSocket.ready(t, server);
  let serial = 0;
  return async () => {
    socket.write(callFrame(++serial, 'getValue', 'good'));
    assert.equal(told(await socket.message(serial)), '"yes"');
  };
}

describe('AvroDoor among hostile clients', () => {
  const bombs: [string, Buffer][] = [
    ['a count and a length that freeze other decoders', ints(1, 0x7fffffff, -4)],
    ['a negative length', Buffer.concat([ints(1, 1), Buffer.from('fffffffc', 'hex')])],
    ['a part of 2 GiB', ints(1, 1, 0x7fffffff)],
    ['parts that are too large together', ints(1, 2, 1_100_000)],
    ['a count of none', ints(1, 0)],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['TLS', Buffer.from('16030100f8010000f40303', 'hex')],
    ['a call without a handshake', callFrame(1, 'getValue', 'good')],
    ['an empty message', frame(1)],
    ['half a handshake', frame(1, HANDSHAKE.subarray(0, 20))],
    [
      'a handshake with a text that is no protocol',
      frame(1, protocolHash('x'), Buffer.from([2]), encodeString('x'), Buffer.alloc(17)),
    ],
  ];
  for (const [what, bytes] of bombs) {
    it(`closes one that sends ${what}, and nobody else`, async (t) => {
      const door = await openDoor(t);
      const check = await goodClient(t, door);
      const bad = await RpcSocket.open(t, door.server);
      // A length that is too large is seen once it has come whole.
      bad.write(what.startsWith('parts') ? Buffer.concat([bytes, Buffer.alloc(1_100_000)]) : bytes);
      if (what.startsWith('parts')) bad.write(ints(1_100_000));
      await bad.wasClosed();
      await check();
      assert.equal(door.door.connections, 1);
    });
  }

  it('closes a handshake of more text than is allowed', async (t) => {
    const door = await openDoor(t);
    const check = await goodClient(t, door);
    const bad = await RpcSocket.open(t, door.server);
    const text = JSON.stringify({ protocol: 'P', doc: 'x'.repeat(70_000) });
    const large = { text, hash: protocolHash(text) };
    bad.write(frame(1, encodeHandshakeRequest(large, large.hash, true), PING));
    await bad.wasClosed();
    await check();
  });

  it('answers a call that cannot be read with an error, and goes on', async (t) => {
    const { server } = await openDoor(t);
    const socket = await RpcSocket.ready(t, server);
    const get = encodeString('getValue');
    const bad: Buffer[] = [
      Buffer.from([]),
      Buffer.concat([Buffer.from([0]), get]),
      Buffer.concat([Buffer.from([0]), get, Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f])]),
      Buffer.concat([Buffer.from([0]), get, encodeString('k'), Buffer.from('more')]),
      Buffer.concat([Buffer.from([0]), encodeString('x'.repeat(300)), encodeString('k')]),
      Buffer.alloc(30, 0xff),
    ];
    for (const [i, payload] of bad.entries()) {
      socket.write(frame(i, payload));
      assert.match(told(await socket.message(i)), /^bad_value: The call cannot be read/);
    }
    socket.write(callFrame(99, 'getValue', 'k'));
    assert.equal(told(await socket.message(99)), 'null');
  });

  it('lives through garbage, with and without a handshake before it', async (t) => {
    const door = await openDoor(t);
    const check = await goodClient(t, door);
    for (let i = 0; i < 120; i++) {
      const bad = await RpcSocket.open(t, door.server);
      const random = randomBytes(1 + ((i * 7) % 400));
      if (i % 3 === 0) bad.write(random);
      else if (i % 3 === 1) bad.write(frame(i, HANDSHAKE, random));
      else bad.write(Buffer.concat([frame(1, HANDSHAKE, PING), frame(2, random), random]));
      bad.socket.end();
      await bad.wasClosed();
    }
    await check();
    assert.equal(door.door.connections, 1);
  });

  it('waits for a silent client, and not for one in the middle of a frame', async (t) => {
    const door = await openDoor(t, { frameDeadlineMs: 200 });
    const check = await goodClient(t, door);
    const silent = await RpcSocket.open(t, door.server);
    const half = await RpcSocket.open(t, door.server);
    half.write(frame(1, HANDSHAKE, PING).subarray(0, 5));
    const trickling = await RpcSocket.ready(t, door.server);
    const call = callFrame(1, 'getValue', 'a key of some length');
    let sent = 0;
    const trickle = setInterval(() => trickling.write(call.subarray(sent, ++sent)), 20);
    t.after(() => clearInterval(trickle));
    await half.wasClosed();
    await trickling.wasClosed();
    assert.ok(sent < call.length, 'the deadline counts from the first byte');
    silent.write(frame(1, HANDSHAKE, PING));
    await silent.message(1);
    await check();
  });

  it('keeps nothing of 5,000 clients with as many protocols', async (t) => {
    const door = await openDoor(t);
    const check = await goodClient(t, door);
    const request = [{ name: 'key', type: 'string' }];
    for (let i = 0; i < 5_000; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, j) => {
          const messages = { getValue: { request, response: ['null', 'string'] } };
          const text = JSON.stringify({ protocol: `P${i + j}`, messages });
          const protocol = { text, hash: protocolHash(text) };
          const client = await RpcSocket.open(t, door.server);
          client.write(frame(1, encodeHandshakeRequest(protocol, protocol.hash, true), PING));
          await client.message(1);
          client.socket.destroy();
        }),
      );
    }
    await check();
    await eventually('they are gone', () => door.door.connections === 1);
  });

  it('accepts one connection too many, and closes the one silent longest', async (t) => {
    const door = await openDoor(t, { connectionsMax: 3 });
    const first = await RpcSocket.ready(t, door.server);
    const second = await RpcSocket.ready(t, door.server);
    const third = await RpcSocket.ready(t, door.server);
    first.write(callFrame(1, 'getValue', 'k'));
    await first.message(1);
    const fourth = await RpcSocket.ready(t, door.server);
    await second.wasClosed();
    for (const left of [first, third, fourth]) {
      left.write(callFrame(2, 'getValue', 'k'));
      await left.message(2);
    }
    assert.equal(door.door.connections, 3);
  });

  it('closes whoever holds most when all together hold too much', async (t) => {
    const door = await openDoor(t, { heldBytesMax: 3_000_000 });
    const check = await goodClient(t, door);
    const hoarders: RpcSocket[] = [];
    for (let i = 0; i < 5; i++) {
      const hoarder = await RpcSocket.ready(t, door.server);
      hoarder.write(Buffer.concat([ints(1, 1, 1_000_000), Buffer.alloc(800_000 + i)]));
      hoarders.push(hoarder);
    }
    await eventually('some were closed', () => hoarders.some(({ gone }) => gone));
    await check();
    assert.ok(hoarders.some(({ gone }) => !gone));
  });

  it('serves a small call before all the large ones of others', async (t) => {
    const { server, store } = await openDoor(t);
    store.seed('large', 'live', 'v'.repeat(1_000_000));
    const greedy = await Promise.all(Array.from({ length: 20 }, () => RpcSocket.ready(t, server)));
    const good = await RpcSocket.ready(t, server);
    const calls = Array.from({ length: 10 }, (_, n) => callFrame(n, 'getValue', 'large'));
    for (const socket of greedy) socket.write(Buffer.concat(calls));
    good.write(callFrame(1, 'getValue', 'good'));
    await good.message(1);
    const before = store.calls.indexOf('getNow good');
    assert.ok(before <= 60, `${before} others before`);
    await Promise.all(greedy.flatMap((socket) => calls.map((_, n) => socket.message(n))));
  });
});

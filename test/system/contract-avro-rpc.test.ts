import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { encodeCall, PING } from '../../src/codec/rpc-calls.ts';
import type { RpcMessage } from '../../src/codec/rpc-protocol.ts';
import { eventually } from '../helpers/eventually.ts';
import { callFrame, frame, HANDSHAKE, RpcSocket, told } from '../helpers/rpc-socket.ts';
import { TestNode } from '../helpers/test-node.ts';

const KEY_BYTES_MAX = 64;
const VALUE_BYTES_MAX = 4_096;
const MESSAGE_BYTES_MAX = VALUE_BYTES_MAX + 65_536;
const BUFFERS_MAX = 4_096;
const CONNECTIONS_MAX = 4_096;

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** A message cut into buffers of so many bytes each, empty ones behind. */
function split(serial: number, payload: Buffer, count: number, bytes: number): Buffer {
  const parts = Array.from({ length: count }, (_, i) =>
    payload.subarray(i * bytes, (i + 1) * bytes),
  );
  return Buffer.concat([
    int32(serial),
    int32(count),
    ...parts.flatMap((part) => [int32(part.length), part]),
  ]);
}

describe('the Avro door', () => {
  let node: TestNode;
  before(async () => {
    node = await TestNode.start({
      env: {
        STORAGE: 'memory',
        KEY_BYTES_MAX: String(KEY_BYTES_MAX),
        VALUE_BYTES_MAX: String(VALUE_BYTES_MAX),
      },
    });
  });
  after(() => node.dispose());

  const callOf = (message: RpcMessage, key: string | Buffer, value: string | Buffer = '') =>
    encodeCall(message, Buffer.from(key), Buffer.from(value));

  it('takes serials of the whole range, many calls at once on one connection', async (t) => {
    const socket = await RpcSocket.ready(t, node.avro);
    const serials = [0, 1, -1, 0x7fffffff, -0x80000000, 65_536, -65_537];
    for (const serial of serials) {
      socket.write(callFrame(serial, 'setValue', `serial ${serial}`, `${serial}`));
    }
    for (const serial of serials) {
      assert.equal(told(await socket.message(serial), 'setValue'), 'null');
    }
    socket.messages.length = 0;
    socket.write(Buffer.concat(serials.map((n) => callFrame(n, 'getValue', `serial ${n}`))));
    for (const serial of serials) {
      assert.equal(told(await socket.message(serial)), JSON.stringify(`${serial}`));
    }
  });

  it('reads what HTTP reads, and writes what HTTP reads', async (t) => {
    const socket = await RpcSocket.ready(t, node.avro);
    let serial = 0;
    const call = async (message: RpcMessage, key: string | Buffer, value?: string | Buffer) => {
      socket.write(frame(++serial, callOf(message, key, value)));
      return told(await socket.message(serial), message);
    };
    assert.equal(await call('getValue', 'none'), 'null');
    assert.equal(await call('delete', 'none'), 'null');
    assert.equal(await call('setValue', 'é "\0"', ''), 'null');
    assert.equal(await call('getValue', 'é "\0"'), '""');
    assert.equal((await node.get('é "\0"')).json.value, '');
    await node.put('text', '€😀\n');
    assert.equal(await call('getValue', 'text'), '"€😀\\n"');
    await node.delete('text');
    assert.equal(await call('getValue', 'text'), 'null');
    await node.put('bytes', Buffer.from([0xff]));
    assert.match(await call('getValue', 'bytes'), /^bad_value: /);
    assert.match(await call('getValue', ''), /^bad_key: /);
    assert.match(await call('delete', ''), /^bad_key: /);
    assert.match(await call('setValue', Buffer.from([0xff]), 'v'), /^bad_key: /);
    assert.match(await call('setValue', 'k', Buffer.from([0xff])), /^bad_value: /);
    assert.match(await call('getValue', 'k'.repeat(KEY_BYTES_MAX + 1)), /^too_large: /);
    assert.match(await call('setValue', 'k', 'v'.repeat(VALUE_BYTES_MAX + 1)), /^too_large: /);
    assert.equal(await call('setValue', 'k', 'v'.repeat(VALUE_BYTES_MAX)), 'null');
    assert.equal((await node.get('k')).json.value.length, VALUE_BYTES_MAX);
  });

  it('takes a message in 4,096 buffers, and closes for one more or a byte too many', async (t) => {
    const call = callOf('setValue', 'parts', 'v'.repeat(VALUE_BYTES_MAX - 200));
    const good = await RpcSocket.ready(t, node.avro);
    good.write(split(1, call, BUFFERS_MAX, 1));
    assert.equal(told(await good.message(1), 'setValue'), 'null');
    assert.equal((await node.get('parts')).json.value.length, VALUE_BYTES_MAX - 200);

    const many = await RpcSocket.ready(t, node.avro);
    many.write(split(2, call, BUFFERS_MAX + 1, 1));
    await many.wasClosed();
    const large = await RpcSocket.ready(t, node.avro);
    const room = 'v'.repeat(MESSAGE_BYTES_MAX);
    const frameOf = callOf('setValue', 'k', room).length - room.length;
    large.write(frame(3, callOf('setValue', 'k', room.slice(frameOf - 1))));
    await large.wasClosed();
    const largest = await RpcSocket.ready(t, node.avro);
    largest.write(frame(4, callOf('setValue', 'k', room.slice(frameOf))));
    assert.match(told(await largest.message(4), 'setValue'), /^too_large: /);
    assert.equal(largest.gone || good.gone, false);
  });

  it('wants a handshake first, and closes that connection only', async (t) => {
    const good = await RpcSocket.ready(t, node.avro);
    const rude = await RpcSocket.open(t, node.avro);
    rude.write(callFrame(1, 'getValue', 'k'));
    await rude.wasClosed();
    const http = await RpcSocket.open(t, node.avro);
    http.write(Buffer.from('GET /rpc?key=k HTTP/1.1\r\nHost: x\r\n\r\n'));
    await http.wasClosed();
    good.write(callFrame(1, 'getValue', 'none'));
    assert.equal(told(await good.message(1)), 'null');
  });

  it('waits for whoever says nothing, and 10 s for the rest of a frame', async (t) => {
    const silent = await RpcSocket.open(t, node.avro);
    const shaken = await RpcSocket.ready(t, node.avro);
    const half = await RpcSocket.ready(t, node.avro);
    const whole = callFrame(1, 'getValue', 'none');
    const since = performance.now();
    half.write(whole.subarray(0, whole.length - 1));
    await eventually('the half frame is given up', () => half.gone, { withinMs: 14_000 });
    const after = performance.now() - since;
    assert.ok(after >= 9_500 && after < 12_500, `${after} ms`);
    assert.equal(silent.gone || shaken.gone, false);
    // Java sends its handshake with the first call.
    silent.write(frame(7, HANDSHAKE, callOf('delete', 'none')));
    await silent.message(7);
    shaken.write(frame(8, PING));
    await shaken.message(8);
  });

  it('accepts one connection more than 4,096 and closes the one silent longest', {
    timeout: 60_000,
  }, async (t) => {
    const opened: RpcSocket[] = [];
    const [first, ...rest] = await Promise.all([
      RpcSocket.ready(t, node.avro),
      RpcSocket.open(t, node.avro),
    ]);
    opened.push(...rest);
    while (opened.length < CONNECTIONS_MAX) {
      const wave = Math.min(256, CONNECTIONS_MAX - opened.length);
      const more = Array.from({ length: wave }, () => RpcSocket.open(t, node.avro));
      opened.push(...(await Promise.all(more)));
      // Never silent for long.
      first?.write(callFrame(opened.length, 'getValue', 'none'));
      await first?.message(opened.length);
    }
    await eventually('one is closed', () => opened.some(({ gone }) => gone));
    assert.equal(opened.filter(({ gone }) => gone).length, 1);
    assert.equal(
      opened.findIndex(({ gone }) => gone),
      0,
    );
    assert.equal(first?.gone, false);
    assert.equal((await node.call('GET', '/health')).text, 'OK');
  });
});

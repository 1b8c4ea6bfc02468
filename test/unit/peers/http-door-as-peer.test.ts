import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HttpPeerTransport } from '../../../src/peers/http-peer-transport.ts';
import { openDoor } from '../../helpers/http-door.ts';

it('the transport reads what our own door says over the wire', async (t) => {
  const { store, port } = await openDoor(t);
  const transport = HttpPeerTransport.open({ valueBytesMax: 1_048_576 });
  t.after(() => transport.close());
  store.seed('clé 😀&=+', 'live', 'a "value"\u0001');
  store.seed('bytes', 'live', Buffer.from([0xff, 0, 0xfe]));
  store.seed('empty', 'live');
  store.seed('deleted', 'marker');
  store.seed('unreadable', 'unreadable', 'an unknown header "bitacora-x"');
  store.trust = 'behind';

  for (const key of [...store.entries.keys(), 'absent']) {
    for (const immediate of [true, false]) {
      store.immediate = immediate;
      const answer = await transport.ask({
        http: `127.0.0.1:${port}`,
        key,
        partition: 3,
        timeoutMs: 5_000,
      });
      assert.deepEqual(answer, {
        log: 'cluster/topic',
        position: store.position,
        final: false,
        entry: store.entries.get(key),
      });
    }
  }
});

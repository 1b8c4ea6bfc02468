import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { openDoor } from '../helpers/rpc-door.ts';
import { PROTOCOL } from '../helpers/rpc-socket.ts';
import { type JarSet, jarFolder } from '../services/jars.ts';

const AVRO_JARS: JarSet = {
  name: 'avro-1.12.0',
  dependencies: ['org.apache.avro:avro-ipc-netty:1.12.0', 'org.slf4j:slf4j-nop:2.0.13'],
};
const CALLS = 70_000;
const RUN_MS_MAX = 120_000;

describe('Avro’s own Java client', () => {
  it('makes all calls, 70,000 on one connection and from 256 threads at once', async (t) => {
    const jars = await jarFolder(AVRO_JARS);
    const { door } = await openDoor(t);
    const path = (name: string) => new URL(`../../${name}`, import.meta.url).pathname;
    const options = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`];
    const program = path('test/java/RpcClientCheck.java');
    const protocol = path('avro/rpc-handler-avro.avpr');
    const { stdout } = await promisify(execFile)(
      'java',
      [...options, program, String(door.port), protocol, String(CALLS)],
      { timeout: RUN_MS_MAX },
    );
    assert.deepEqual(stdout.trim().split('\n'), [
      // Java prints the protocol as we do: no second round trip for its text.
      `hash=${PROTOCOL.hash.toString('hex')}`,
      'set=null',
      'get=value',
      'miss=null',
      'emoji=true',
      'empty=[]',
      'delete=null',
      'deleted=null',
      'large=true',
      'error=bad_key: The key is empty',
      `sequential=${CALLS}`,
      `threads=${256 * 20}`,
      'other=[]',
      'otherMiss=null',
    ]);
  });
});

import { debianProgram } from '../common/debian.ts';
import type { Dialect } from '../common/load.ts';
import { startProgram } from '../common/program.ts';
import { freePort, HOST } from '../common/sockets.ts';
import type { Absent } from '../frame/absent.ts';
import type { Anchor } from './anchor.ts';

const MINUS = 0x2d;
const DOLLAR = 0x24;
const END = '\r\n';

/** Redis; `durable`: each write is on the disk before its answer. */
export async function startRedis(durable: boolean): Promise<Anchor | Absent> {
  const installed = await debianProgram('redis-server', 'redis-server');
  if ('absent' in installed) return installed;
  const port = await freePort();
  const aof = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const args = ['--port', `${port}`, '--bind', HOST, '--save', '', '--dir', '.', ...aof];
  const program = await startProgram({ ...installed, port, args: () => args });
  return {
    pid: program.pid,
    port,
    get: (key) => () => dialect((n) => command('GET', key(n))),
    put: (key, value) => () => dialect((n) => command('SET', key(n), value)),
    stop: () => program.stop(),
  };
}

function command(...words: string[]): string {
  return `*${words.length}${END}${words.map((word) => `$${word.length}${END}${word}${END}`).join('')}`;
}

function dialect(request: (n: number) => string): Dialect {
  return {
    request,
    answerBytes: (bytes, at) => {
      const end = bytes.indexOf(END, at, 'latin1');
      if (end < 0) return undefined;
      const kind = bytes[at];
      const line = bytes.toString('latin1', at + 1, end);
      if (kind === MINUS || line === '-1') throw new Error(`Redis refused: ${line}`);
      const head = end - at + END.length;
      return kind === DOLLAR ? head + Number(line) + END.length : head;
    },
  };
}

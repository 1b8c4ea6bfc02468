import type { Socket } from 'node:net';
import { debianProgram, type InstalledProgram } from '../common/debian.ts';
import { cpuUs, residentBytes } from '../common/process-cpu.ts';
import { startProgram } from '../common/program.ts';
import { connected, freePort, HOST } from '../common/sockets.ts';
import type { Measured, Subject } from '../frame/bench.ts';
import { KEY_BYTES, keyOf, numbersBelow, VALUE_BYTES } from './figures.ts';

const PIPELINED = 1_000;
const NS_PER_US = 1_000;

/** Redis with the same keys and values over a socket; its CPU time includes the protocol. */
export function redis(entries: number): Subject {
  return {
    name: 'Redis',
    open: async () => {
      const installed = await debianProgram('redis-server', 'redis-server');
      if ('absent' in installed) return installed;
      return { measure: () => measure(installed, entries), close: async () => {} };
    },
  };
}

async function measure(installed: InstalledProgram, entries: number): Promise<Measured> {
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', HOST, '--save', '', '--appendonly', 'no'];
  const server = await startProgram({ ...installed, port, args: () => args });
  try {
    const socket = await connected(port);
    const figures = await fill(server.pid, socket, entries);
    socket.destroy();
    return figures;
  } finally {
    await server.stop();
  }
}

async function fill(pid: number, socket: Socket, entries: number): Promise<Measured> {
  const random = numbersBelow(entries);
  const before = residentBytes(pid);
  const bytes = entries * (KEY_BYTES + VALUE_BYTES);
  const cpu = [cpuUs(pid)];
  await commands(socket, entries, (i) => setCommand(keyOf(i)));
  cpu.push(cpuUs(pid));
  const filled = residentBytes(pid) - before;
  await commands(socket, entries, () => `*2\r\n$3\r\nGET\r\n$16\r\n${keyOf(random())}\r\n`);
  cpu.push(cpuUs(pid));
  await commands(socket, entries, () => setCommand(keyOf(random())));
  cpu.push(cpuUs(pid));
  const overwritten = residentBytes(pid) - before;
  const each = (phase: number) =>
    (((cpu[phase + 1] ?? 0) - (cpu[phase] ?? 0)) * NS_PER_US) / entries;
  return {
    new: filled / entries,
    'new, of key and value': filled / bytes,
    overwritten: overwritten / bytes,
    fill: each(0),
    get: each(1),
    overwrite: each(2),
  };
}

function setCommand(key: string): string {
  return `*3\r\n$3\r\nSET\r\n$16\r\n${key}\r\n$${VALUE_BYTES}\r\n${'v'.repeat(VALUE_BYTES)}\r\n`;
}

/** Sends commands in groups; each answer begins with a line of `+` or `$` and our values have neither. */
async function commands(
  socket: Socket,
  count: number,
  command: (i: number) => string,
): Promise<void> {
  for (let sent = 0; sent < count; ) {
    const group = Math.min(PIPELINED, count - sent);
    let answered = 0;
    const done = new Promise<void>((resolve, reject) => {
      const receive = (data: Buffer) => {
        for (const byte of data) {
          if (byte === 0x2d) reject(new Error('Redis refused a command'));
          if (byte === 0x2b || byte === 0x24) answered++;
        }
        if (answered < group) return;
        socket.off('data', receive);
        resolve();
      };
      socket.on('data', receive);
    });
    socket.write(Array.from({ length: group }, (_, i) => command(sent + i)).join(''));
    await done;
    sent += group;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Measured, Subject } from '../frame/bench.ts';
import { KEY_BYTES, keyOf, numbersBelow, VALUE_BYTES } from './figures.ts';

const HOST = '127.0.0.1';
const CONNECT_MS_MAX = 5_000;
const CONNECT_AGAIN_MS = 20;
const PIPELINED = 1_000;
/** Ticks of /proc/<pid>/stat are hundredths of a second. */
const NS_PER_TICK = 10_000_000;

/** Redis with the same keys and values over a socket; its CPU time includes the protocol. */
export function redis(entries: number): Subject {
  return {
    name: 'Redis',
    open: async () => {
      if (!(await isInstalled())) return { absent: 'redis-server is not installed' };
      return { measure: () => measure(entries), close: async () => {} };
    },
  };
}

async function measure(entries: number): Promise<Measured> {
  const port = await freePort();
  const settings = ['--port', `${port}`, '--bind', HOST, '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', settings, { cwd: tmpdir(), stdio: 'ignore' });
  try {
    const socket = await connected(server, port);
    const figures = await fill(server.pid ?? 0, socket, entries);
    socket.destroy();
    return figures;
  } finally {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'close');
  }
}

async function fill(pid: number, socket: Socket, entries: number): Promise<Measured> {
  const random = numbersBelow(entries);
  const before = residentBytes(pid);
  const bytes = entries * (KEY_BYTES + VALUE_BYTES);
  const cpu = [cpuNs(pid)];
  await commands(socket, entries, (i) => setCommand(keyOf(i)));
  cpu.push(cpuNs(pid));
  const filled = residentBytes(pid) - before;
  await commands(socket, entries, () => `*2\r\n$3\r\nGET\r\n$16\r\n${keyOf(random())}\r\n`);
  cpu.push(cpuNs(pid));
  await commands(socket, entries, () => setCommand(keyOf(random())));
  cpu.push(cpuNs(pid));
  const overwritten = residentBytes(pid) - before;
  const each = (phase: number) => ((cpu[phase + 1] ?? 0) - (cpu[phase] ?? 0)) / entries;
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

async function isInstalled(): Promise<boolean> {
  const child = spawn('redis-server', ['--version'], { stdio: 'ignore' });
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

async function connected(server: ChildProcess, port: number): Promise<Socket> {
  const latest = performance.now() + CONNECT_MS_MAX;
  for (;;) {
    const socket = createConnection({ host: HOST, port });
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (performance.now() > latest || server.exitCode !== null) throw error;
      await pause(CONNECT_AGAIN_MS);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib ?? 0) * 1_024;
}

function cpuNs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * NS_PER_TICK;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * `$1` log file, `$2` folder, the rest a command. Says the command's pid, ends when the command ends.
 * When standard input closes, whoever started it is dead, killed perhaps: the command is killed and
 * the folder removed.
 */
const WATCHED = `
log=$1; folder=$2; shift 2
exec 3<&0
"$@" >>"$log" 2>&1 </dev/null 3<&- &
pid=$!
echo $pid
abandoned=
trap abandoned=1 USR1
( read -r _ <&3; kill -USR1 $$; kill -9 $pid ) >/dev/null 2>&1 &
watch=$!
wait $pid 2>/dev/null
if [ -n "$abandoned" ]; then
  wait $pid 2>/dev/null
  rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
else
  kill -9 $watch 2>/dev/null
fi
`;

const LOG_TAIL_BYTES = 4_000;
/** Below the range that systems give to outgoing connections, which could take the port of a stopped service. */
const PORTS = { first: 20_000, count: 12_000 };

export interface ServiceProcessOptions {
  readonly name: string;
  readonly folder: string;
  /** What is removed when this process dies without stopping the service; `folder` unless given. */
  readonly root?: string;
  readonly command: readonly string[];
}

/** A child that never outlives this process. */
export class ServiceProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #logPath: string;
  #ended = false;

  private constructor(child: ChildProcess, pid: number, logPath: string) {
    this.pid = pid;
    this.#child = child;
    this.#logPath = logPath;
    child.once('close', () => {
      this.#ended = true;
    });
  }

  /** Runs `command` in `folder`, where its output goes to `<name>.log`. */
  static async start(options: ServiceProcessOptions): Promise<ServiceProcess> {
    const { name, folder, command } = options;
    const logPath = join(folder, `${name}.log`);
    const root = options.root ?? folder;
    // A process group of its own: an interrupt at the terminal is for the tests, which then stop it.
    const child = spawn('sh', ['-c', WATCHED, 'watched', logPath, root, ...command], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
      cwd: folder,
    });
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('no pipes to the child');
    stdin.on('error', () => {});
    const [line] = (await once(createInterface(stdout), 'line')) as [string];
    const started = new ServiceProcess(child, Number(line), logPath);
    // A test file that forgets a service still ends, and the service with it.
    child.unref();
    for (const pipe of [stdin, stdout]) (pipe as unknown as { unref(): void }).unref();
    return started;
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** Sends the signal and resolves once the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#ended) return;
    const closed = this.#closed();
    this.signal(signal);
    await closed;
  }

  /** Resolves when the process has ended by itself; kills it when that takes longer. */
  async untilEnded(what: string, withinMs: number): Promise<void> {
    if (this.#ended) return;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.signal('SIGKILL');
    }, withinMs);
    await this.#closed();
    clearTimeout(timer);
    if (late) throw new Error(`${what} took over ${withinMs} ms:\n${await this.logTail()}`);
  }

  /** Keeps this process alive until then: of a child that has exited only the pipes can. */
  async #closed(): Promise<void> {
    const { stdin, stdout } = this.#child;
    this.#child.ref();
    for (const pipe of [stdin, stdout]) (pipe as unknown as { ref(): void }).ref();
    await once(this.#child, 'close');
  }

  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** What the service said last. */
  async logTail(): Promise<string> {
    const text = await readFile(this.#logPath, 'utf8').catch(() => '');
    return text.slice(-LOG_TAIL_BYTES);
  }

  /** Resolves when `isReady` holds; rejects with the log's tail when it does not, or when the process ends. */
  async untilReady(what: string, withinMs: number, isReady: () => Promise<boolean>): Promise<void> {
    const latest = performance.now() + withinMs;
    while (this.running && performance.now() < latest) {
      if (await isReady().catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const fate = this.running ? `not ready within ${withinMs} ms` : 'ended';
    throw new Error(`${what} ${fate}. The end of its log:\n${await this.logTail()}`);
  }
}

/** A folder for one service's data and logs; removed by its owner, or with the process. */
export function serviceFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `bitacora-${name}-`));
}

/** Removes a service's folder. A process that was just killed may still be leaving it. */
export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Free loopback ports that stay free while their service is down. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

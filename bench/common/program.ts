import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { temporaryDirectory } from '../../test/helpers/temporary-directory.ts';
import { connected, HOST } from './sockets.ts';

export interface Program {
  readonly pid: number;
  readonly port: number;
  readonly running: boolean;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  readonly command: string;
  /** @param folder its own, removed with it */
  readonly args: (folder: string) => readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly port: number;
}

/** Another server, started; listening when it resolves. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { command, args, env, port } = options;
  const folder = await temporaryDirectory('anchor');
  const stdio: SpawnOptions['stdio'] = ['ignore', 'ignore', 'ignore'];
  const child = spawn(command, args(folder.path), { cwd: folder.path, env, stdio });
  const failed = once(child, 'error').then(([error]) => {
    throw error;
  });
  const program = {
    pid: child.pid ?? 0,
    port,
    get running() {
      return isRunning(child);
    },
    stop: async () => {
      child.kill('SIGKILL');
      if (isRunning(child)) await once(child, 'close');
      await folder.remove();
    },
  };
  try {
    const socket = await Promise.race([connected(port, () => program.running), failed]);
    socket.destroy();
  } catch (error) {
    await program.stop().catch(() => {});
    throw new Error(`${command} does not listen on ${HOST}:${port}`, { cause: error });
  }
  return program;
}

function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}

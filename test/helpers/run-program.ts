import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;

export interface ProgramEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The `msg` of each line of stderr that is JSON. */
  readonly messages: readonly string[];
}

/** The built program in an environment of nothing but `env`, until it ends by itself. */
export async function runProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramEnd> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const messages = stderr.split('\n').flatMap((line) => {
    try {
      return [(JSON.parse(line) as { msg: string }).msg];
    } catch {
      return [];
    }
  });
  return { code: await ended, stdout, stderr, messages };
}

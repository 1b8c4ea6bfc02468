import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.ts';

/** A TypeScript file run in a process of its own; its standard output is read line by line. */
export class TestChild {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  /** @param within words before the command, such as another program that starts it */
  constructor(file: URL, args: readonly string[], within: readonly string[] = []) {
    // Another program may start it in another folder, where the name alone finds nothing.
    const tsx = import.meta.resolve('tsx');
    const words = [...within, process.execPath, '--import', tsx, file.pathname, ...args];
    this.#child = spawn(words[0] ?? '', words.slice(1), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#ended = once(this.#child, 'close');
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line));
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async until(what: string, done: (lines: readonly string[]) => boolean): Promise<void> {
    await eventually(what, () => done(this.lines) || this.#child.exitCode !== null, {
      withinMs: 20_000,
    });
    if (!done(this.lines)) throw new Error(`the child ended before: ${what}`);
  }

  /** SIGKILL; resolves when it is gone and its last whole line was read. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }

  async exit(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }
}

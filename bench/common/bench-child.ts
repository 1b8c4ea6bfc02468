import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A TypeScript file in a process of its own that answers questions, one at a time. */
export class BenchChild {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Started and asked to get ready, with what it answers to that. */
  static async start<Ready>(
    file: URL,
    question: unknown,
  ): Promise<{ readonly child: BenchChild; readonly ready: Ready }> {
    const child = new BenchChild(
      fork(file, {
        execArgv: ['--import', import.meta.resolve('tsx')],
        env: { ...process.env, NODE_ENV: 'production' },
        serialization: 'advanced',
      }),
    );
    try {
      return { child, ready: await child.ask<Ready>(question) };
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ask<Answer>(question: unknown): Promise<Answer> {
    const child = this.#child;
    const ended = new AbortController();
    const answered = once(child, 'message', { signal: ended.signal });
    const gone = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`a program of the bench ended with ${code}`);
    });
    try {
      child.send(question as object);
      const [answer] = await Promise.race([answered, gone]);
      return answer as Answer;
    } finally {
      ended.abort();
      await Promise.allSettled([answered, gone]);
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

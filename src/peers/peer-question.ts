import type { Dispatcher } from 'undici';
import type { RawAnswer } from './parse-answer.ts';

export interface PeerQuestionOptions {
  readonly bodyBytesMax: number;
  /** Counts bytes that are held for all questions together. @throws Error beyond the bound */
  readonly hold: (bytes: number) => void;
  readonly release: (bytes: number) => void;
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One question, as undici's pool carries it out: its own requests make a stream of each body and a signal
 * for each deadline, which costs more than the rest of asking.
 */
export class PeerQuestion implements Dispatcher.DispatchHandler {
  readonly #options: PeerQuestionOptions;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: RawAnswer['headers'] = {};
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #ended = false;

  constructor(options: PeerQuestionOptions) {
    this.#options = options;
  }

  /** Rejects; where the question has been sent its connection is closed, else it is not sent. */
  abort(reason: Error): void {
    if (!this.#end()) return;
    this.#options.reject(reason);
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Not aborted: that would close the connection, which others wait for, although nothing was sent.
    if (this.#ended) throw new Error('nobody waits any more');
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: RawAnswer['headers'],
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    try {
      this.#options.hold(chunk.length);
      const { bodyBytesMax } = this.#options;
      if (this.#bytes > bodyBytesMax) throw new Error(`a body of more than ${bodyBytesMax} bytes`);
    } catch (error) {
      this.abort(error as Error);
    }
  }

  onResponseEnd(): void {
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first !== undefined;
    const body = whole ? first : Buffer.concat(this.#chunks, this.#bytes);
    if (!this.#end()) return;
    this.#options.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#end()) this.#options.reject(error);
  }

  /** false where it had ended before. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#options.release(this.#bytes);
    return true;
  }
}

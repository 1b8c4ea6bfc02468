import { TestChild } from './child-process.ts';
import { eventually } from './eventually.ts';
import type { TestNode } from './test-node.ts';

/** How a client fared that did nothing wrong. Delays in ms, of single calls. */
export interface GoodClientFigures {
  readonly rounds: number;
  readonly worstHttpMs: number;
  readonly worstAvroMs: number;
  /** Calls that failed or gave a wrong value, connections that were closed. */
  readonly faults: readonly string[];
}

interface Line {
  readonly http?: number;
  readonly avro?: number;
  readonly fault?: string;
}

/** A client in a process of its own that uses both doors all the time and measures its delay. */
export class GoodClient {
  readonly #child: TestChild;
  #read = 0;

  private constructor(node: TestNode) {
    this.#child = new TestChild(new URL('./good-client-child.ts', import.meta.url), [
      node.http,
      node.avro,
    ]);
  }

  static async start(node: TestNode): Promise<GoodClient> {
    const client = new GoodClient(node);
    await client.#child.until('the good client is served', (lines) => lines.length > 3);
    client.#read = client.#child.lines.length;
    return client;
  }

  /** Figures since the last time, after at least one more round that began now. */
  async take(withinMs = 60_000): Promise<GoodClientFigures> {
    const enough = this.#child.lines.length + 2;
    await eventually('the good client is served', () => this.#child.lines.length >= enough, {
      withinMs,
    });
    const lines = this.#child.lines.slice(this.#read).map((line) => JSON.parse(line) as Line);
    this.#read += lines.length;
    return {
      rounds: lines.filter(({ http }) => http !== undefined).length,
      worstHttpMs: Math.max(0, ...lines.map(({ http }) => http ?? 0)),
      worstAvroMs: Math.max(0, ...lines.map(({ avro }) => avro ?? 0)),
      faults: lines.flatMap(({ fault }) => fault ?? []),
    };
  }

  stop(): Promise<void> {
    return this.#child.kill();
  }
}

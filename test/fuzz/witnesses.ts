import { BitacoraClient } from '../../src/client/client.ts';
import type { TestNode } from '../helpers/test-node.ts';

const COUNT = 64;

/** Keys that were written before and that nobody else writes. */
export class Witnesses {
  readonly #node: TestNode;

  private constructor(node: TestNode) {
    this.#node = node;
  }

  static async write(node: TestNode): Promise<Witnesses> {
    for (let n = 0; n < COUNT; n++) {
      const { status } = await node.put(`witness-${n}`, `value ${n}`);
      if (status !== 200) throw new Error(`a witness could not be written: ${status}`);
    }
    return new Witnesses(node);
  }

  /** What is wrong with them now, seen through both doors. */
  async wrong(): Promise<string[]> {
    await using client = await BitacoraClient.connect({ servers: [this.#node.avro] });
    const wrong: string[] = [];
    for (let n = 0; n < COUNT; n++) {
      const [key, value] = [`witness-${n}`, `value ${n}`];
      const { json } = await this.#node.get(key);
      const told = (json as { readonly value?: string } | undefined)?.value;
      const called = await client.get(key);
      if (told !== value || called !== value)
        wrong.push(`${key}: ${told} over HTTP, ${called} over Avro`);
    }
    return wrong;
  }
}

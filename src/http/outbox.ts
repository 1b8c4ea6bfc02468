/**
 * Collects what is to be written and writes it at the end of the loop's turn: reading all requests and
 * then writing all answers costs less than doing both in turns, connection by connection.
 */
export class Outbox {
  #writes: (() => void)[] = [];

  add(write: () => void): void {
    if (this.#writes.push(write) > 1) return;
    setImmediate(() => {
      const writes = this.#writes;
      this.#writes = [];
      for (const each of writes) each();
    });
  }
}

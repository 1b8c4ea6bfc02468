import { TestNode } from '../helpers/test-node.ts';
import { judgeAvro } from './avro-answers.ts';
import { AvroInputs } from './avro-inputs.ts';
import { converse } from './converse.ts';
import { judgeHttp } from './http-answers.ts';
import { HttpInputs } from './http-inputs.ts';

/**
 * One conversation alone with a fresh node, as text.
 * @param which `http:INDEX` or `avro:INDEX`
 */
export async function replay(seed: number, which: string): Promise<string> {
  const [door, index = ''] = which.split(':');
  const inputs = door === 'http' ? new HttpInputs(seed) : new AvroInputs(seed);
  const input = inputs.input(Number(index));
  const node = await TestNode.start({ env: { STORAGE: 'memory' } });
  try {
    const address = input.door === 'http' ? node.http : node.avro;
    const heard = await converse(Number(address.slice(address.lastIndexOf(':') + 1)), input);
    const verdict = input.door === 'http' ? judgeHttp(heard) : judgeAvro(input, heard);
    const quoted = (bytes: Buffer) => JSON.stringify(bytes.toString('latin1'));
    return [
      `${which} of seed ${seed}: ${input.kind}, ${input.count} sent, ${input.finish}`,
      ...input.pieces.map((piece) => `> ${quoted(piece)}`),
      `< ${quoted(heard.received)}`,
      `${heard.end}; ${verdict.answers.join(', ')}`,
      ...verdict.violations.map((text) => `VIOLATION ${text}`),
      '',
    ].join('\n');
  } finally {
    await node.dispose();
  }
}

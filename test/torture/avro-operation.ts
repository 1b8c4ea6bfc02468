import { type BitacoraClient, BitacoraError } from '../../src/client/client.ts';
import type { Operation, Outcome } from './history.ts';
import { now } from './recorder.ts';
import { makeValue, readValue } from './values.ts';

/** Does it and tells what came of it; never rejects. */
export async function avroOperation(
  client: BitacoraClient,
  what: { readonly kind: Operation['kind']; readonly key: string; readonly value?: string },
): Promise<Operation> {
  const { kind, key, value } = what;
  const startedAt = now();
  const asked = { door: 'avro', node: undefined, run: undefined, kind, key, startedAt } as const;
  try {
    let found: string | undefined;
    if (kind === 'put') await client.set(key, makeValue(value ?? ''));
    else if (kind === 'delete') await client.delete(key);
    else found = (await client.get(key)) ?? undefined;
    const read = found === undefined ? undefined : readValue(found);
    return {
      ...asked,
      endedAt: now(),
      outcome: 'ok',
      status: 200,
      value: kind === 'get' ? read : value,
    };
  } catch (error) {
    const [outcome, code] = failure(kind, error);
    return { ...asked, value, endedAt: now(), outcome, status: 0, code };
  }
}

function failure(kind: Operation['kind'], error: unknown): [Outcome, string] {
  if (!(error instanceof BitacoraError)) return ['refused', String(error)];
  switch (error.code) {
    case 'unknown_outcome':
      return ['unknown', error.code];
    case 'unavailable':
      return [kind === 'get' ? 'no_answer' : 'not_written', error.code];
    case 'timeout':
      return ['no_answer', error.code];
    default:
      return ['refused', `${error.code}: ${error.message}`];
  }
}

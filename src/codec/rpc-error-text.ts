import type { ServiceError, WriteOutcome } from '../errors.ts';

/** What the text of an Avro error says: `<code>: <message>`, for a write with its outcome behind. */
export interface RpcErrorText {
  /** '' where the text has none (a server of another make). */
  readonly code: string;
  readonly message: string;
  readonly outcome: WriteOutcome | undefined;
}

export function formatRpcError(error: Pick<ServiceError, 'code' | 'message' | 'outcome'>): string {
  const outcome = error.outcome === undefined ? '' : ` (outcome: ${error.outcome})`;
  return `${error.code}: ${error.message}${outcome}`;
}

const FORM = /^([a-z_]+): (.*?)(?: \(outcome: (not_written|unknown)\))?$/s;

export function parseRpcError(text: string): RpcErrorText {
  const match = FORM.exec(text);
  if (match === null) return { code: '', message: text, outcome: undefined };
  return {
    code: match[1] ?? '',
    message: match[2] ?? '',
    outcome: match[3] as WriteOutcome | undefined,
  };
}

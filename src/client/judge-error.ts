import { parseRpcError } from '../codec/rpc-error-text.ts';
import type { RpcMessage } from '../codec/rpc-protocol.ts';
import { BitacoraError } from './bitacora-error.ts';

/** Another server, or the same one later, may answer a read. */
const PASSING: ReadonlySet<string> = new Set([
  'recovering',
  'log_unavailable',
  'not_yet',
  'overloaded',
  'storage',
  'timeout',
]);

/** Nothing was written and nothing will be, whoever is asked. */
const REFUSED: ReadonlySet<string> = new Set([
  'bad_key',
  'bad_value',
  'too_large',
  'not_implemented',
]);

/** What a server's error means to the caller; `retry`: nothing happened, the call may be made again. */
export function judgeError(message: RpcMessage, text: string): 'retry' | BitacoraError {
  const { code, outcome } = parseRpcError(text);
  if (message === 'getValue') {
    return PASSING.has(code) ? 'retry' : new BitacoraError('rejected', text);
  }
  if (outcome === 'not_written') return 'retry';
  if (REFUSED.has(code)) return new BitacoraError('rejected', text);
  return new BitacoraError('unknown_outcome', text);
}

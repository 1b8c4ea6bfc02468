import { NO_BYTES } from '../entry.ts';
import type { LogHeader, LogRecord } from '../record.ts';
import type { Codec, Decoded } from './codec.ts';
import { ownHeaders, quoted } from './own-headers.ts';

export const OP_HEADER = 'bitacora-op';
const DELETE = 'delete';
const PUT_EMPTY = 'put-empty';

/** Never empty: the Kafka client sends an empty value as a null one, a tombstone. */
const BODY_OF_NONE = Buffer.from([0]);

/** The value's bytes as they are; a header where bytes alone cannot say it. */
export const rawCodec: Codec = {
  name: 'raw',
  checksPlacement: true,
  decode,
  encodePut: (_key, value) =>
    value.length > 0 ? { value, headers: [] } : { value: BODY_OF_NONE, headers: [op(PUT_EMPTY)] },
  encodeDelete: () => ({ value: BODY_OF_NONE, headers: [op(DELETE)] }),
};

function decode({ value, headers, timestamp }: LogRecord): Decoded {
  // First, whatever the headers say: compaction removes such a record, so it may leave no other trace.
  if (value === null) return { kind: 'marker', timestamp };
  const own = ownHeaders(headers);
  const [header] = own;
  if (header === undefined) return { kind: 'live', value, timestamp };
  const reason = refusalOf(own);
  if (reason !== undefined) return { kind: 'unreadable', reason, timestamp };
  return header.value.equals(Buffer.from(DELETE))
    ? { kind: 'marker', timestamp }
    : { kind: 'live', value: NO_BYTES, timestamp };
}

/** Why headers of ours cannot be followed, undefined where they can. */
function refusalOf(own: readonly LogHeader[]): string | undefined {
  const unknown = own.find(({ name }) => name !== OP_HEADER);
  if (unknown !== undefined) return `an unknown header ${quoted(unknown.name)}`;
  if (own.length > 1) return `${own.length} headers ${OP_HEADER}`;
  const text = own[0]?.value.toString('latin1') ?? '';
  if (text === DELETE || text === PUT_EMPTY) return undefined;
  return `an unknown value ${quoted(text)} of the header ${OP_HEADER}`;
}

function op(value: string): { readonly name: string; readonly value: string } {
  return { name: OP_HEADER, value };
}

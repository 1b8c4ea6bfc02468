import { ServiceError } from '../errors.ts';
import { type ErrorAnswer, errorAnswer, malformedAnswer } from './error-answers.ts';

/** What the HTTP parser says when it gives a connection up. */
export interface ParserFault extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
  /** Where in `rawPacket` it gave up. */
  readonly bytesParsed?: number;
}

/** A whole request line with a method that the parser does not know, and its target. */
const UNKNOWN_METHOD = /^[A-Za-z!#$%&'*+.^_`|~-]{1,32} (\S{1,1000}) HTTP\/1\.[01]\r?\n/;
const LINE_BYTES_MAX = 1_100;

/** Bytes behind a request that closes its connection: they mean nothing. */
export function isAfterLast(fault: ParserFault): boolean {
  return fault.code === 'HPE_CLOSED_CONNECTION';
}

/**
 * The answer to a request that could not be parsed to its end; undefined: the client is gone.
 * @param unknownMethod gives the answer to a method that the parser does not know
 */
export function parserFaultAnswer(
  fault: ParserFault,
  unknownMethod: (target: string) => ErrorAnswer,
): ErrorAnswer | undefined {
  switch (fault.code) {
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return undefined;
    case 'HPE_HEADER_OVERFLOW':
      return serviceAnswer('head_too_large', 'Request line and headers are larger than 32 KiB');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return serviceAnswer('too_large', 'The chunk extensions are too large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return serviceAnswer('timeout', 'The request did not arrive in time');
    case 'HPE_INVALID_METHOD':
    case 'HPE_INVALID_CONSTANT': {
      const target = UNKNOWN_METHOD.exec(lineAround(fault))?.[1];
      return target === undefined
        ? malformedAnswer('The request is no well-formed HTTP')
        : unknownMethod(target);
    }
    case 'HPE_INVALID_URL':
      return serviceAnswer('bad_key', 'The target holds characters that must be percent-encoded');
    default:
      return malformedAnswer('The request is no well-formed HTTP');
  }
}

function serviceAnswer(code: ServiceError['code'], message: string): ErrorAnswer {
  return errorAnswer(new ServiceError(code, message), undefined);
}

function lineAround({ rawPacket, bytesParsed = 0 }: ParserFault): string {
  if (rawPacket === undefined) return '';
  const start = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf('\n', bytesParsed - 1) + 1;
  return rawPacket.toString('latin1', start, start + LINE_BYTES_MAX);
}

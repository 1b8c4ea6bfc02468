import type { Heard, Verdict } from './verdict.ts';

/** Which codes go with a status where nothing is wrong with the node itself; '' is none at all. */
const CODES: Readonly<Record<number, readonly string[]>> = {
  200: [''],
  400: ['bad_key', 'bad_value', 'bad_version', 'bad_request'],
  403: ['origin'],
  404: ['', 'not_found'],
  408: ['timeout'],
  413: ['too_large'],
  417: ['bad_request'],
  431: ['head_too_large'],
  501: ['not_implemented'],
  503: ['not_yet', 'overloaded'],
};
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) [A-Za-z][A-Za-z -]*$/;
const HEADER = /^([A-Za-z][A-Za-z-]*): ([\x20-\x7e]*)$/;
const READ_FIELDS = 'key,value,timestamp,source,ttl,uuid';
const WRITE_FIELDS = 'key,version,timestamp';

interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** Whether these bytes are answers, one behind the other, and such as the contract allows. */
export function judgeHttp({ received, end }: Heard): Verdict {
  const answers: string[] = [];
  const violations: string[] = [];
  const cutOff = end === 'given up' || end === 'silent';
  let last = false;
  for (let at = 0; at < received.length; ) {
    if (last) violations.push('an answer behind the one that said `Connection: close`');
    if (received.toString('latin1', at, at + CONTINUE.length) === CONTINUE) {
      answers.push('100');
      at += CONTINUE.length;
      continue;
    }
    const headEnd = received.indexOf('\r\n\r\n', at);
    const head = headEnd < 0 ? undefined : readHead(received.toString('latin1', at, headEnd));
    if (head === undefined || typeof head === 'string') {
      if (!cutOff || head !== undefined) {
        violations.push(`${head ?? 'half a head'}: ${excerpt(received, at)}`);
      }
      break;
    }
    last = head.headers.get('connection') === 'close';
    const from = headEnd + 4;
    const length = Number(head.headers.get('content-length'));
    // An answer to HEAD: the next one, or nothing, comes where its body would be.
    const bodiless =
      from === received.length || received.toString('latin1', from, from + 5) === 'HTTP/';
    if (!bodiless && from + length > received.length) {
      if (!cutOff) violations.push(`half a body: ${excerpt(received, at)}`);
      break;
    }
    const body = bodiless ? undefined : received.toString('utf8', from, from + length);
    const said = judge(head, body);
    answers.push(said);
    if (said.startsWith('!')) violations.push(`${said}: ${excerpt(received, at)}`);
    at = bodiless ? from : from + length;
  }
  const passed = answers.some((said) => said !== '400 bad_request' && said !== '100');
  return { passed, answers, violations };
}

function excerpt(bytes: Buffer, from: number): string {
  return JSON.stringify(bytes.toString('latin1', from, from + 400));
}

/** A text says what is wrong. */
function readHead(text: string): Head | string {
  const [line = '', ...fields] = text.split('\r\n');
  const status = Number(STATUS_LINE.exec(line)?.[1]);
  if (Number.isNaN(status)) return '!no status line';
  const headers = new Map<string, string>();
  for (const field of fields) {
    const [, name = '', value = ''] = HEADER.exec(field) ?? [];
    if (name === '') return '!a header that is none';
    if (headers.has(name.toLowerCase())) return `!${name} twice`;
    headers.set(name.toLowerCase(), value);
  }
  if (!/^\d+$/.test(headers.get('content-length') ?? '')) return '!no Content-Length';
  if (headers.has('transfer-encoding')) return '!a Transfer-Encoding';
  if (headers.get('cache-control') !== 'no-store') return '!without Cache-Control: no-store';
  if (!headers.has('date')) return '!without a Date';
  return { status, headers };
}

/** What an answer says; `!` goes before what may not be said. */
function judge({ status, headers }: Head, body: string | undefined): string {
  const codes = CODES[status];
  if (codes === undefined) return `!${status}`;
  if (status === 503 && !headers.has('retry-after')) return '!503 without Retry-After';
  if (body === undefined) return `${status} HEAD`;
  const type = headers.get('content-type');
  if (status === 200 && type === 'text/plain') return body === 'OK' ? '200 OK' : '!200 without OK';
  if (type !== 'application/json') return `!${status} of type ${type}`;
  const json = parse(body);
  if (json === undefined) return `!${status} without JSON`;
  if (status === 200) return successOf(json);
  const code = json['code'] ?? '';
  if (typeof json['message'] !== 'string' || !codes.includes(String(code))) {
    return `!${status} with code ${code}`;
  }
  return code === '' ? `${status}` : `${status} ${code}`;
}

function successOf(json: Readonly<Record<string, unknown>>): string {
  const fields = Object.keys(json).join(',');
  if (fields === WRITE_FIELDS) return '200 written';
  if (fields === READ_FIELDS || fields === `${READ_FIELDS},encoding`) return '200 value';
  return json['state'] === 'running' ? '200 status' : `!200 with ${fields}`;
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === 'object' && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

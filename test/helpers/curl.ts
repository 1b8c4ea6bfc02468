import { Agent, type IncomingMessage, request } from 'node:http';

/** A curl command, as far as the README uses curl. */
export interface CurlCommand {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** `-i`, `-I`: the head is printed. */
  readonly showsHead: boolean;
}

const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Words of a shell's command line; single quotes are the only ones known. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''));
}

/** The bytes of printf's format: `\ooo` and `\n`. */
function printed(format: string): Buffer {
  const text = format.replaceAll(/\\([0-7]{3}|n)/g, (_, code: string) =>
    code === 'n' ? '\n' : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return Buffer.from(text, 'latin1');
}

function encodedField(field: string): string {
  const mark = field.indexOf('=') + 1;
  return field.slice(0, mark) + encodeURIComponent(field.slice(mark));
}

/** @throws Error for what it does not know: nothing is passed over */
export function parseCurl(line: string): CurlCommand {
  const piped = /^printf ('[^']*') \| (curl .*)$/.exec(line);
  const input = piped?.[1] === undefined ? undefined : printed(piped[1].slice(1, -1));
  const [program, ...words] = wordsOf(piped?.[2] ?? line);
  if (program !== 'curl') throw new Error(`not curl: ${line}`);
  let url = '';
  let method: string | undefined;
  let showsHead = false;
  const headers: Record<string, string> = {};
  const fields: string[] = [];
  let body: Buffer | undefined;
  const value = () => words.shift() ?? '';
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-s') continue;
    else if (word === '-si') showsHead = true;
    else if (word === '-X') method = value();
    else if (word === '-H') {
      const [, name = '', text = ''] = /^([^:]+): (.*)$/.exec(value()) ?? [];
      headers[name] = text;
    } else if (word === '--data-urlencode') fields.push(encodedField(value()));
    else if (word === '--data-binary' && words[0] === '@-') {
      words.shift();
      body = input;
    } else if (word.startsWith('http://')) url = word;
    else throw new Error(`curl option ${word}: ${line}`);
  }
  if (fields.length > 0) body = Buffer.from(fields.join('&'));
  if (body !== undefined && headers['Content-Type'] === undefined) {
    headers['Content-Type'] = FORM_TYPE;
  }
  return { url, method: method ?? (body === undefined ? 'GET' : 'POST'), headers, body, showsHead };
}

/** Sends it and gives what curl would print. */
export async function runCurl(command: CurlCommand): Promise<string> {
  const { url, method, headers, body, showsHead } = command;
  // As curl: HTTP/1.1, the connection may stay open.
  const agent = new Agent({ keepAlive: true });
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = body === undefined ? headers : { ...headers, 'Content-Length': body.length };
      request(url, { method, headers: sent, agent })
        .on('response', resolve)
        .on('error', reject)
        .end(body);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    if (!showsHead) return text;
    const lines = [`HTTP/${answer.httpVersion} ${answer.statusCode} ${answer.statusMessage}`];
    for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
      lines.push(`${answer.rawHeaders[at]}: ${answer.rawHeaders[at + 1]}`);
    }
    return `${lines.join('\n')}\n\n${text}`;
  } finally {
    agent.destroy();
  }
}

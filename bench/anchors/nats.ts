import { debianProgram } from '../common/debian.ts';
import { type Dialect, type DialectOf, sendAll } from '../common/load.ts';
import { startProgram } from '../common/program.ts';
import { freePort, HOST } from '../common/sockets.ts';
import type { Absent } from '../frame/absent.ts';
import type { Anchor } from './anchor.ts';

const END = '\r\n';
/** Of INFO and of PING. */
const LETTER_I = 0x49;
const LETTER_P = 0x50;
const BUCKET = 'bench';
/** As its own clients make a bucket. */
const STREAM = {
  name: `KV_${BUCKET}`,
  subjects: [`$KV.${BUCKET}.>`],
  max_msgs_per_subject: 1,
  allow_direct: true,
  allow_rollup_hdrs: true,
  deny_delete: true,
  discard: 'new',
  storage: 'file',
};

/** A bucket of NATS KV in JetStream. */
export async function startNats(): Promise<Anchor | Absent> {
  const installed = await debianProgram('nats-server', 'nats-server');
  if ('absent' in installed) return installed;
  const port = await freePort();
  const args = (folder: string) => ['-a', HOST, '-p', `${port}`, '-js', '-sd', folder];
  const program = await startProgram({ ...installed, port, args });
  const anchor: Anchor = {
    pid: program.pid,
    port,
    get: (key) => dialectOf((n) => [`$JS.API.DIRECT.GET.KV_${BUCKET}.$KV.${BUCKET}.${key(n)}`, '']),
    put: (key, value) => dialectOf((n) => [`$KV.${BUCKET}.${key(n)}`, value]),
    stop: () => program.stop(),
  };
  const create = dialectOf(() => [`$JS.API.STREAM.CREATE.KV_${BUCKET}`, JSON.stringify(STREAM)]);
  try {
    await sendAll(1, { port, dialect: create, connections: 1 });
  } catch (error) {
    await program.stop();
    throw error;
  }
  return anchor;
}

function dialectOf(message: (n: number) => readonly [subject: string, body: string]): DialectOf {
  return (connection) => ({
    greeting: `CONNECT {"verbose":false,"headers":true,"no_responders":true}${END}SUB _INBOX.${connection} 1${END}`,
    request: (n) => {
      const [subject, body] = message(n);
      return `PUB ${subject} _INBOX.${connection} ${body.length}${END}${body}${END}`;
    },
    answerBytes,
    noiseBytes,
  });
}

const answerBytes: Dialect['answerBytes'] = (bytes, at) => {
  const end = bytes.indexOf(END, at, 'latin1');
  if (end < 0) return undefined;
  const line = bytes.toString('latin1', at, end);
  const words = line.split(' ');
  const head = line.length + END.length;
  const length = head + Number(words.at(-1)) + END.length;
  if (words[0] !== 'MSG' && words[0] !== 'HMSG') throw new Error(`NATS said: ${line}`);
  const said = bytes.toString('latin1', at + head, at + length);
  // Answers of direct reads carry headers, with a status only where something is wrong.
  const refused = said.startsWith('NATS/1.0 ') || said.includes('"error":{');
  if (refused) throw new Error(`NATS refused: ${said}`);
  return length;
};

/** What the server says of itself, and its questions whether we live. */
const noiseBytes: NonNullable<Dialect['noiseBytes']> = (bytes, at) => {
  if (bytes[at] !== LETTER_I && bytes[at] !== LETTER_P) return 0;
  const end = bytes.indexOf(END, at, 'latin1');
  return end < 0 ? 0 : end - at + END.length;
};

import { connect, type Socket } from 'node:net';
import type { Input } from './input.ts';
import type { End, Heard } from './verdict.ts';

/** A client that keeps its side open has heard all after so long a silence. */
const SILENCE_MS = 100;
/** Longer than anything may take that the door has to do once the client has closed its side. */
const HANG_MS = 10_000;

/** Sends what an input says on a connection of its own, and listens as long as it says. */
export function converse(port: number, input: Input): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pieces: Buffer[] = [];
    const done = (end: End) => {
      socket.destroy();
      resolve({ received: Buffer.concat(pieces), end });
    };
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('end', () => done('ended'));
    socket.on('error', () => done('broken off'));
    socket.on('close', () => done('broken off'));
    socket.setTimeout(input.finish === 'wait' ? SILENCE_MS : HANG_MS);
    socket.on('timeout', () => done(input.finish === 'wait' ? 'silent' : 'hangs'));
    socket.once('connect', () => send(socket, input, done));
  });
}

function send(
  socket: Socket,
  { pieces, finish }: Pick<Input, 'pieces' | 'finish'>,
  done: (end: End) => void,
): void {
  const [piece, ...rest] = pieces;
  if (socket.destroyed) return;
  if (piece !== undefined) socket.write(piece);
  if (rest.length > 0) {
    setImmediate(() => send(socket, { pieces: rest, finish }, done));
  } else if (finish === 'end') {
    socket.end();
  } else if (finish === 'reset') {
    setImmediate(() => {
      socket.resetAndDestroy();
      done('given up');
    });
  }
}

import type { HandshakeRequest } from '../codec/rpc-handshake.ts';
import { protocolHash, type RpcProtocol } from '../codec/rpc-protocol.ts';
import { ClientProtocol } from './client-protocol.ts';

const REMEMBERED_MAX = 256;

/** The protocols that clients were seen with, by hash: the ones used last, and always our own. */
export class ClientProtocols {
  readonly #ownHash: string;
  readonly #own: ClientProtocol;
  readonly #remembered = new Map<string, ClientProtocol>();

  constructor(own: RpcProtocol) {
    this.#ownHash = own.hash.toString('hex');
    this.#own = ClientProtocol.parse(own.text);
  }

  get remembered(): number {
    return this.#remembered.size;
  }

  /** undefined: the client has to send its text. @throws AvroFormatError where the text is none */
  find(request: HandshakeRequest): ClientProtocol | undefined {
    const hash = request.clientHash.toString('hex');
    if (hash === this.#ownHash) return this.#own;
    const known = this.#remembered.get(hash);
    if (known !== undefined) {
      this.#remember(hash, known);
      return known;
    }
    const text = request.clientText;
    if (text === undefined) return undefined;
    const protocol = ClientProtocol.parse(text);
    // Else one client could say what another one's hash stands for.
    if (protocolHash(text).equals(request.clientHash)) this.#remember(hash, protocol);
    return protocol;
  }

  #remember(hash: string, protocol: ClientProtocol): void {
    this.#remembered.delete(hash);
    this.#remembered.set(hash, protocol);
    if (this.#remembered.size <= REMEMBERED_MAX) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }
}

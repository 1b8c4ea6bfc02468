import type { Clock } from './clock.ts';
import type { CloseStack } from './close-stack.ts';
import { HttpDoor } from './http/http-door.ts';
import type { Logger } from './logger.ts';
import { AvroDoor } from './rpc/avro-door.ts';
import type { Settings } from './settings/settings.ts';
import type { KeyValueStore, NodeHealth } from './store/key-value-store.ts';
import type { Warnings } from './warnings.ts';

export interface DoorsOptions {
  readonly settings: Settings;
  readonly store: KeyValueStore;
  readonly health: NodeHealth;
  /** The document of `GET /status`. */
  readonly status: () => unknown;
  readonly warnings: Warnings;
  readonly closers: CloseStack;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where users come in: HTTP and Avro RPC. */
export class Doors {
  readonly #http: HttpDoor;
  readonly #rpc: AvroDoor;

  private constructor(http: HttpDoor, rpc: AvroDoor) {
    this.#http = http;
    this.#rpc = rpc;
  }

  /** Both listen when it resolves. Rejects where a port may not be had. */
  static async open(options: DoorsOptions): Promise<Doors> {
    const { settings, store, health, status, warnings, closers, clock, logger } = options;
    const shared = {
      host: settings.BIND_ADDRESS,
      store,
      limits: { keyBytesMax: settings.KEY_BYTES_MAX, valueBytesMax: settings.VALUE_BYTES_MAX },
      clock,
      logger,
    };
    const http = await HttpDoor.listen({
      ...shared,
      port: settings.API_PORT,
      health,
      status,
      allowOrigins: settings.ALLOW_ORIGINS,
    });
    closers.push('http', () => http.close());
    const rpc = await AvroDoor.listen({ ...shared, port: settings.AVRO_PORT });
    closers.push('rpc', () => rpc.close());
    if (!/^(127\.|localhost$|::1$)/.test(settings.BIND_ADDRESS)) {
      warnings.set('open doors', 'the doors are open to the network and ask for no authentication');
    }
    return new Doors(http, rpc);
  }

  get httpPort(): number {
    return this.#http.port;
  }

  get rpcPort(): number {
    return this.#rpc.port;
  }

  /** No new connections; what is under way is answered, after `withinMs` with 503. Then both are closed. */
  async drain(withinMs: number): Promise<void> {
    this.#http.stopAccepting();
    this.#rpc.stopAccepting();
    await Promise.all([this.#http.drain(withinMs), this.#rpc.drain(withinMs)]);
  }
}

/** The part of the library that is used, its insides included (see zookeeper-connection.ts). */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  export interface Stat {
    readonly version: number;
    readonly dataLength: number;
    /** 8 bytes, zero where the node is persistent. */
    readonly ephemeralOwner: Buffer;
  }

  export interface ConnectionManager {
    socket?: Socket;
    pendingBuffer: Buffer | null;
    connectTimeoutHandler: NodeJS.Timeout | null;
    connect(): void;
    findNextServer(callback: (server: { host: string; port: number }) => void): void;
    onSocketConnected(): void;
    onSocketData(bytes: Buffer): void;
    onSocketDrain(): void;
    onSocketClosed(hadError: boolean): void;
    onSocketError(error: Error): void;
    onSocketTimeout(): void;
    onSocketConnectTimeout(): void;
  }

  type Callback<T> = (error: Error | null | undefined, result: T) => void;

  export interface Client extends EventEmitter {
    readonly connectionManager: ConnectionManager;
    connect(): void;
    close(): void;
    getSessionId(): Buffer;
    getSessionPassword(): Buffer;
    getSessionTimeout(): number;
    create(path: string, data: Buffer, mode: number, callback: Callback<string>): void;
    remove(path: string, version: number, callback: Callback<undefined>): void;
    setData(path: string, data: Buffer, version: number, callback: Callback<Stat>): void;
    exists(path: string, callback: Callback<Stat | null>): void;
    getData(
      path: string,
      watcher: (() => void) | undefined,
      callback: (error: Error | null | undefined, data: Buffer | undefined, stat: Stat) => void,
    ): void;
    getChildren(
      path: string,
      watcher: (() => void) | undefined,
      callback: Callback<string[]>,
    ): void;
  }

  export interface ClientOptions {
    readonly sessionTimeout: number;
    readonly retries: number;
    readonly sessionId?: Buffer;
    readonly sessionPassword?: Buffer;
  }

  export function createClient(servers: string, options: ClientOptions): Client;
  export const CreateMode: { readonly PERSISTENT: number; readonly EPHEMERAL: number };
}

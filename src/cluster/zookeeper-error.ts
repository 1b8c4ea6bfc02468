export type ZookeeperErrorCode =
  | 'not_connected'
  /** No answer in time, or the connection broke first: a change may have been made or not. */
  | 'connection_loss'
  | 'no_node'
  | 'node_exists'
  | 'not_empty'
  | 'bad_version'
  | 'no_auth'
  | 'failed';

/** ZooKeeper's numbers for what went wrong. */
const CODES: ReadonlyMap<unknown, ZookeeperErrorCode> = new Map([
  [-4, 'connection_loss'],
  [-7, 'connection_loss'],
  [-101, 'no_node'],
  [-102, 'no_auth'],
  [-103, 'bad_version'],
  [-110, 'node_exists'],
  [-111, 'not_empty'],
  [-112, 'connection_loss'],
]);

export class ZookeeperError extends Error {
  readonly code: ZookeeperErrorCode;

  constructor(code: ZookeeperErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ZookeeperError';
    this.code = code;
  }

  /** What the client library threw or gave, about a path. */
  static of(error: Error, path: string): ZookeeperError {
    const code = CODES.get((error as { code?: unknown }).code) ?? 'failed';
    return new ZookeeperError(code, `ZooKeeper: ${code} at ${path}: ${error.message}`, error);
  }
}

export function isZookeeperError(error: unknown, code: ZookeeperErrorCode): boolean {
  return error instanceof ZookeeperError && error.code === code;
}

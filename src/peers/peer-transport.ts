import type { Entry } from '../entry.ts';

/** What one peer says of one key, from its own state alone (`GET /rpc/cluster`). */
export interface PeerAnswer {
  /** `<clusterId>/<topicId>` as the peer sent it; undefined from the original's Java nodes. */
  readonly log: string | undefined;
  /** The peer's position in the key's partition, read before its look-up; undefined from Java nodes. */
  readonly position: number | undefined;
  /** The peer was fresh. */
  readonly final: boolean;
  /** undefined: absent. From a Java node `offset` is -1: only its timestamp ranks it. */
  readonly entry: Entry | undefined;
}

/** The way to the other nodes. Rejects on anything but a well-formed answer, and at the deadline. */
export interface PeerTransport {
  ask(request: {
    /** `host:port` of the peer's HTTP door. */
    readonly http: string;
    readonly key: string;
    readonly partition: number;
    readonly timeoutMs: number;
  }): Promise<PeerAnswer>;
  close(): Promise<void>;
}

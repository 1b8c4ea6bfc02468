/** What a node says of itself to the others (the JSON of contract §6). */
export interface NodeInfo {
  readonly id: string;
  /** A random id made once in the node's data directory. */
  readonly instance: string;
  /** Of the program. */
  readonly version: string;
  /** `host:port` of the HTTP door. */
  readonly http: string;
  /** `host:port` of the Avro door. */
  readonly rpc: string;
  /** ms since 1970. */
  readonly startedAt: number;
  /** Ids are null as long as the node has never met its log. */
  readonly log: {
    readonly clusterId: string | null;
    readonly topicId: string | null;
    readonly topic: string;
    readonly partitions: number | null;
    readonly codec: string;
  };
}

/** A node in the list, ourselves included. */
export interface Member {
  /** `host:port` of its HTTP door: its name in the list. */
  readonly http: string;
  readonly self: boolean;
  /** undefined: it says nothing of itself (a Java node of the original, a static peer). */
  readonly info: NodeInfo | undefined;
}

export interface MembershipEvents {
  /** The list has changed. */
  readonly change?: () => void;
  /** A lasting oddity for `/status` (text), or its end (undefined), by a stable name. */
  readonly warning?: (name: string, line: string | undefined) => void;
}

/**
 * Who is there. A hint, never an input to correctness: the last list is kept while the service that
 * knows is away, and every call returns at once.
 */
export interface Membership {
  readonly kind: 'zookeeper' | 'static' | 'none';
  readonly connected: boolean;
  /** Set once by the owner, before `start`. */
  events: MembershipEvents;
  /** The last known list. */
  members(): readonly Member[];
  /** Begins to look and to announce; goes on by itself for ever. */
  start(self: NodeInfo): void;
  /** Says something new of ourselves (the log's ids, once known). */
  update(self: NodeInfo): void;
  /** Whether clients of the Avro door may come: announced while true. Starts as false. */
  setReady(ready: boolean): void;
  /** Takes the announcements back at once (best effort, within 2 s) and ends. */
  close(): Promise<void>;
}

export interface LogHeader {
  readonly name: string;
  readonly value: Buffer;
}

/** One record of the log, as its reader hands it over. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  /** ms since 1970, or -1 where the record carries none. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly LogHeader[];
}

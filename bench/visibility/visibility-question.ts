export interface VisibilityQuestion {
  readonly brokers: string;
  readonly topic: string;
  readonly perSecond: number;
  readonly ms: number;
  readonly value: string;
}

/** ms */
export interface VisibilityFigures {
  readonly p50: number;
  readonly p99: number;
}

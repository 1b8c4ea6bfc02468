/** Why something cannot be measured here. */
export interface Absent {
  readonly absent: string;
}

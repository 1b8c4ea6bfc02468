/** The value that a share `p` (0 to 1) of them do not exceed; NaN of none. Sorts in place. */
export function percentile(values: number[] | Float64Array, p: number): number {
  values.sort(byNumber);
  return values[Math.max(0, Math.ceil(values.length * p) - 1)] ?? Number.NaN;
}

function byNumber(a: number, b: number): number {
  return a - b;
}

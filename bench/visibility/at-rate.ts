const TICK_MS = 1;

/** Calls `act` with 0, 1, 2, … at a steady rate, whether former acts have ended or not. */
export function atRate(
  { perSecond, ms }: { readonly perSecond: number; readonly ms: number },
  act: (n: number) => void,
): Promise<void> {
  const begun = performance.now();
  let done = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsed = performance.now() - begun;
      const due = Math.floor((Math.min(elapsed, ms) * perSecond) / 1_000);
      while (done < due) act(done++);
      if (elapsed < ms) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
}

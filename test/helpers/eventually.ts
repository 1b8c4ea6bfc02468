import { setTimeout as pause } from 'node:timers/promises';

const LOOK_AGAIN_MS = 10;

/** Waits until `predicate` gives something truthy and returns it; fails naming `what` when it never does. */
export async function eventually<T>(
  what: string,
  predicate: () => T | Promise<T>,
  { withinMs = 10_000 }: { readonly withinMs?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const latest = performance.now() + withinMs;
  let fault: unknown;
  do {
    try {
      const seen = await predicate();
      if (seen) return seen as Exclude<T, false | null | undefined>;
      fault = undefined;
    } catch (error) {
      fault = error;
    }
    await pause(LOOK_AGAIN_MS);
  } while (performance.now() < latest);
  throw new Error(`not within ${withinMs} ms: ${what}`, { cause: fault });
}

import { readFileSync } from 'node:fs';

/** Ticks of /proc/<pid>/stat are hundredths of a second. */
const US_PER_TICK = 10_000;

/** CPU time that a process has used so far, in user and system mode, all threads, us. */
export function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * US_PER_TICK;
}

/** Memory of a process that is in RAM, bytes. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib ?? 0) * 1_024;
}

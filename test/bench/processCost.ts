import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICK_MS = 10;

/** What a process has cost so far. Linux tells it; elsewhere it is not a number. */
export interface ProcessCost {
  readonly cpuMs: number;
  readonly residentMb: number;
}

/** The process that listens on a port of this machine. */
export function listenerOn(port: number): number {
  try {
    return Number(execFileSync('lsof', ['-ti', `tcp:${port}`, '-sTCP:LISTEN'], { encoding: 'utf8' }).trim());
  } catch {
    return Number.NaN;
  }
}

export function costOf(pid: number): ProcessCost {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before the fields may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
      residentMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
    };
  } catch {
    return { cpuMs: Number.NaN, residentMb: Number.NaN };
  }
}

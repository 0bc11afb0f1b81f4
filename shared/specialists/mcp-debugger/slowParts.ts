import { z } from 'zod';
import type { App } from '../../platform/config/config.ts';
import type { Finding } from '../finding.ts';
import type { Look } from './bothApps.ts';

const SLOW_MS = 1_000;
const measured = z.array(z.object({ durationMs: z.number().optional() }).loose()).catch([]);

/** Parts that are slow when they are looked at, which is likely why requests are. */
export function slowParts(stores: Look, endpoints: Look, app: App): readonly Finding[] {
  const parts = [
    ...measured
      .parse(stores.facts['tables'])
      .map((part) => ({ ...part, name: `the table ${String(part['store'])}` })),
    ...measured.parse([stores.facts['state']]).map((part) => ({ ...part, name: 'the short-lived state' })),
    ...measured
      .parse(endpoints.facts['endpoints'])
      .map((part) => ({ ...part, name: `the endpoint "${String(part['name'])}" of the ${app} app` })),
  ];
  return parts.flatMap(({ name, durationMs = 0 }): Finding[] =>
    durationMs <= SLOW_MS
      ? []
      : [
          {
            rule: 'part_slow',
            severity: 'warning',
            message: `${name} takes ${durationMs} ms at present`,
            evidence: { part: name, durationMs, slowFromMs: SLOW_MS },
            remedy:
              'Look at what that part is busy with; the reports of mcp-performance-optimizer measure it.',
          },
        ],
  );
}

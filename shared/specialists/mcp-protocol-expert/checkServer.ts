import { z } from 'zod';
import { eraSchema } from '../../registry/records/era.ts';
import type { Finding } from '../finding.ts';
import { addressOf, type Judged, judge } from './checks/table.ts';
import type { ActiveServer } from './subjectServers.ts';
import { type RecordDeps, recordServer } from './recordServer.ts';

/** What the checks of one server came to. */
export const checkedServerSchema = z.object({
  slug: z.string(),
  era: eraSchema.describe('The era whose requirements it was held against.'),
  version: z.string().describe('The version of the protocol that was agreed on; empty where none was.'),
  reached: z.boolean().describe('Whether it answered at all; if not, nothing was checked.'),
  exchanges: z.number().describe('Requests that were sent to it.'),
  durationMs: z.number(),
  interrupted: z.string().optional().describe('Why it was not asked everything.'),
  counts: z.object({ passed: z.number(), failed: z.number(), notApplicable: z.number() }),
  checks: z.array(
    z.object({
      id: z.string(),
      outcome: z.enum(['passed', 'failed', 'not_applicable']),
      severity: z.enum(['info', 'warning', 'critical']),
      evidence: z
        .record(z.string(), z.unknown())
        .optional()
        .describe('What was looked at, or why the check does not apply.'),
    }),
  ),
});
export type CheckedServer = z.infer<typeof checkedServerSchema>;

export interface Checked {
  readonly server: CheckedServer;
  readonly findings: readonly Finding[];
}

/** Exchanges with a server what the checks of its era need, and holds it against them. Throws nothing for what a server does. */
export async function checkServer(
  server: ActiveServer,
  deps: RecordDeps,
  signal: AbortSignal,
): Promise<Checked> {
  const startedAt = performance.now();
  const recorded = await recordServer(server, 'all', deps, signal);
  const durationMs = Math.round(performance.now() - startedAt);
  const { slug, discovery } = server;
  if (recorded.finding)
    return {
      server: {
        slug,
        era: discovery.era,
        version: discovery.protocolVersion,
        reached: false,
        exchanges: 0,
        durationMs,
        counts: { passed: 0, failed: 0, notApplicable: 0 },
        checks: [],
      },
      findings: [recorded.finding],
    };
  const transcript = recorded.transcript;
  const judged = await judge(transcript);
  const count = (outcome: string) => judged.filter(({ judgement }) => judgement.outcome === outcome).length;
  const { interrupted } = transcript;
  return {
    server: {
      slug,
      era: transcript.era,
      version: transcript.version,
      reached: true,
      exchanges: transcript.steps.size,
      durationMs,
      ...(interrupted !== undefined && { interrupted }),
      counts: { passed: count('passed'), failed: count('failed'), notApplicable: count('not_applicable') },
      checks: judged.map(shown),
    },
    findings: [
      ...judged.flatMap((one) => findingOf(one, slug, transcript.era)),
      ...(interrupted === undefined ? [] : [cutShort(slug, interrupted, transcript.steps.size)]),
    ],
  };
}

function shown({ check: { id, severity }, judgement }: Judged): CheckedServer['checks'][number] {
  const { outcome } = judgement;
  const evidence = outcome === 'not_applicable' ? { why: judgement.why } : judgement.evidence;
  return { id, outcome, severity, ...(evidence && { evidence: { ...evidence } }) };
}

function findingOf({ check, judgement }: Judged, slug: string, era: CheckedServer['era']): Finding[] {
  if (judgement.outcome !== 'failed') return [];
  const { id, severity, requires, remedy } = check;
  return [
    {
      rule: id,
      severity,
      message: `${slug}: ${judgement.saw}. ${requires}`,
      evidence: { server: slug, era, specification: addressOf(check, era), ...judgement.evidence },
      remedy,
    },
  ];
}

const cutShort = (slug: string, why: string, exchanges: number): Finding => ({
  rule: 'everything_tried',
  severity: 'info',
  message: `${slug} was not asked everything: ${why}.`,
  evidence: { server: slug, exchanges },
  remedy: 'Mend what the other findings name, and check it again.',
});

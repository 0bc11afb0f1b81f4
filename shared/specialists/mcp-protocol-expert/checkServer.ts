import * as z from 'zod';
import type { ActiveServer } from '../../gateway/catalogue/catalogue.ts';
import { eraSchema } from '../../registry/records/era.ts';
import { type Finding, severitySchema } from '../finding.ts';
import { addressOf, judge, type Judged } from './checks/table.ts';
import { finding } from './findings.ts';
import { type CallDeps, recordServer } from './inspectServers.ts';

/** The outcome of the checks of one server. */
export const checkedServerSchema = z.object({
  slug: z.string(),
  era: eraSchema.describe('The era whose requirements were checked.'),
  version: z.string().describe('The protocol version that the server chose; empty where it chose none.'),
  reached: z.boolean().describe('Whether it answered; if not, nothing was checked.'),
  exchanges: z.number().describe('The number of requests that were sent to it.'),
  durationMs: z.number(),
  interrupted: z.string().optional().describe('Why some requests were not sent.'),
  counts: z.object({ passed: z.number(), failed: z.number(), notApplicable: z.number() }),
  checks: z.array(
    z.object({
      id: z.string(),
      outcome: z.enum(['passed', 'failed', 'not_applicable']),
      severity: severitySchema,
      evidence: z
        .record(z.string(), z.unknown())
        .optional()
        .describe('What was checked, or why the check does not apply.'),
    }),
  ),
});
export type CheckedServer = z.infer<typeof checkedServerSchema>;

export interface Checked {
  readonly server: CheckedServer;
  readonly findings: readonly Finding[];
}

/**
 * Records exchanges with a server and runs the checks of its era. A check whose exchange was not sent does not apply. Throws
 * nothing for what a server does.
 */
export async function checkServer(
  scope: 'gentle' | 'thorough',
  server: ActiveServer,
  deps: CallDeps,
  signal: AbortSignal,
): Promise<Checked> {
  const startedAt = performance.now();
  const recorded = await recordServer(server, scope, deps, signal);
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
      ...judged.flatMap((one) => checkFindings(one, slug, transcript.era)),
      ...(interrupted === undefined
        ? []
        : [
            finding('everything_tried', { server: slug, why: interrupted, exchanges: transcript.steps.size }),
          ]),
    ],
  };
}

function shown({ check: { id, severity }, judgement }: Judged): CheckedServer['checks'][number] {
  const { outcome } = judgement;
  const evidence = outcome === 'not_applicable' ? { why: judgement.why } : judgement.evidence;
  return { id, outcome, severity, ...(evidence && { evidence: { ...evidence } }) };
}

function checkFindings({ check, judgement }: Judged, slug: string, era: CheckedServer['era']): Finding[] {
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

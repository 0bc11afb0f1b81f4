import { z } from 'zod';

/** How bad a finding is: `critical` breaks something for users now, a `warning` will or may, an `info` is good to know. */
export const severitySchema = z.enum(['info', 'warning', 'critical']);

/** One thing that a specialist saw, and what follows from it. */
export const findingSchema = z.object({
  rule: z.string().describe('The stable name of what was checked, in snake_case.'),
  severity: severitySchema,
  message: z.string().describe('What is wrong, and where.'),
  evidence: z
    .record(z.string(), z.unknown())
    .describe('What was looked at: names and figures, never a token or a payload.'),
  remedy: z.string().describe('What to do about it.'),
});
export type Finding = z.infer<typeof findingSchema>;

const findings = z.array(findingSchema);
const evidence = z.record(z.string(), z.unknown());

/** The result of a check of a quality gate. */
export const verdictSchema = z.object({
  passed: z.boolean(),
  error: z.string().optional().describe('The first critical finding, in its words.'),
  evidence,
  findings,
});

/** A check passes unless something critical was found. `evidence` says what was looked at, also where all is well. */
export function verdict(
  found: readonly Finding[],
  evidence: Readonly<Record<string, unknown>>,
): z.infer<typeof verdictSchema> {
  const worst = found.find(({ severity }) => severity === 'critical');
  return {
    passed: worst === undefined,
    ...(worst && { error: worst.message }),
    evidence,
    findings: [...found],
  };
}

/** The result of a look at a part of the system. */
export const healthSchema = z.object({
  status: z.enum(['healthy', 'degraded', 'failed']),
  evidence,
  findings,
});

/** A part has failed where something critical was found, and is degraded where a warning was. */
export function health(
  found: readonly Finding[],
  evidence: Readonly<Record<string, unknown>>,
): z.infer<typeof healthSchema> {
  const has = (wanted: Finding['severity']) => found.some(({ severity }) => severity === wanted);
  const status = has('critical') ? 'failed' : has('warning') ? 'degraded' : 'healthy';
  return { status, evidence, findings: [...found] };
}

/** The result of a specialist's report and of most other looks: facts by topic, and what follows from them. */
export const reportSchema = z.object({
  summary: z.string().describe('One sentence.'),
  facts: z.record(z.string(), z.unknown()),
  findings,
});

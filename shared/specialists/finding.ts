import * as z from 'zod';

/** How bad a finding is: `critical` breaks something for users now, a `warning` will or may break it, an `info` is good to know. */
export const severitySchema = z.enum(['info', 'warning', 'critical']);
export type Severity = z.infer<typeof severitySchema>;

/** One thing that a specialist saw, and what to do about it. */
export const findingSchema = z.object({
  rule: z.string().describe('The stable name of what was checked, in snake_case.'),
  severity: severitySchema,
  message: z.string().describe('What is wrong, and where.'),
  evidence: z
    .record(z.string(), z.unknown())
    .describe('What was inspected: names and figures, never a token or a payload.'),
  remedy: z.string().describe('What to do about it.'),
});
export type Finding = z.infer<typeof findingSchema>;

/** What a rule says about the facts that break it. */
export interface RuleText extends Pick<Finding, 'severity' | 'message' | 'remedy'> {
  /** The facts themselves when absent. */
  readonly evidence?: Finding['evidence'];
  /** Replaces the `*` in the id of a family of rules, such as `table_*`. */
  readonly variant?: string;
}

/**
 * Defines the finding rules of a specialist as one table: the id of each rule with its text, or a function from the facts to it.
 * Returns the function that makes a finding: `finding('table_missing', { table })`.
 */
export const defineFindings =
  <Facts extends Readonly<Record<string, unknown>>>(rules: {
    readonly [Id in keyof Facts]: RuleText | ((facts: Facts[Id]) => RuleText);
  }) =>
  <Id extends keyof Facts & string>(id: Id, facts: Facts[Id]): Finding => {
    const rule = rules[id];
    const {
      severity,
      message,
      remedy,
      evidence,
      variant = '',
    } = typeof rule === 'function' ? rule(facts) : rule;
    return {
      rule: id.replace('*', variant),
      severity,
      message,
      evidence: evidence ?? Object.fromEntries(Object.entries(facts ?? {})),
      remedy,
    };
  };

/** Returns the findings that ask for something to be done: all but `info`. */
export const problemsIn = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter(({ severity }) => severity !== 'info');

export const hasCritical = (findings: readonly Finding[]): boolean =>
  findings.some(({ severity }) => severity === 'critical');

const findings = z.array(findingSchema);
const evidence = z.record(z.string(), z.unknown());

/** The result of a check of a quality gate. */
export const verdictSchema = z.object({
  passed: z.boolean(),
  error: z.string().optional().describe('The first critical finding, in its words.'),
  evidence,
  findings,
});

/** A check passes unless it has a critical finding. `evidence` says what was inspected, also if there is no finding. */
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

/** The result of a health check of a part of the system. */
export const healthSchema = z.object({
  status: z.enum(['healthy', 'degraded', 'failed']),
  evidence,
  findings,
});

/** A part has failed if a finding is critical, and is degraded if one is a warning. */
export function health(
  found: readonly Finding[],
  evidence: Readonly<Record<string, unknown>>,
): z.infer<typeof healthSchema> {
  const status = hasCritical(found) ? 'failed' : problemsIn(found).length > 0 ? 'degraded' : 'healthy';
  return { status, evidence, findings: [...found] };
}

/** The result of a specialist's report and of most other tasks: facts by topic, and what follows from them. */
export const reportSchema = z.object({
  summary: z.string().describe('One sentence.'),
  facts: z.record(z.string(), z.unknown()),
  findings,
});

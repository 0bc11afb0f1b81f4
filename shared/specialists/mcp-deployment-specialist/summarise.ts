import type { Finding } from '../finding.ts';

/** One sentence on what was found: how many of each severity, and the worst of them in its words. */
export function summarise(subject: string, findings: readonly Finding[]): string {
  const of = (wanted: Finding['severity']) => findings.filter(({ severity }) => severity === wanted);
  const [critical, warnings] = [of('critical'), of('warning')];
  const worst = critical[0] ?? warnings[0];
  if (!worst) return `${subject}: nothing is amiss.`;
  return `${subject}: ${critical.length} critical, ${warnings.length} to look after. First: ${worst.message}.`;
}

import type { Finding } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';

/** What a look came to, or what keeps one from seeing. */
export type Looked<T> = { readonly seen: T } | { readonly finding: Finding };

/** Looks at a part within a time of its own: one that hangs is a finding. `subject` is the part's name in snake_case. */
export async function look<T>(
  subject: string,
  withinMs: number,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<Looked<T>> {
  const looked = await withinTime(withinMs, signal, act);
  if (looked.ok) return { seen: looked.value };
  return looked.error.kind === 'timeout'
    ? { finding: notSeen(subject, `has not answered within ${withinMs} ms`, { withinMs }) }
    : { finding: notSeen(subject, 'does not answer, or refuses', {}) };
}

const notSeen = (subject: string, how: string, evidence: Finding['evidence']): Finding => ({
  rule: `${subject}_unreachable`,
  severity: 'critical',
  message: `${subject.replaceAll('_', ' ')} ${how}: nothing can be said of what is in it`,
  evidence,
  remedy:
    "See that it runs, that the apps' settings name it, and that their identities may use it; the log has the cause.",
});

import { InfrastructureError } from '../../platform/errors.ts';
import type { Finding } from '../finding.ts';

/** What a look came to, or what keeps one from seeing. */
export type Looked<T> = { readonly seen: T } | { readonly finding: Finding };

/**
 * Looks at a part within a time of its own, so that one that hangs is a finding and not the end of all the others. `subject`
 * is the part's name in snake_case.
 */
export async function look<T>(
  subject: string,
  withinMs: number,
  taskSignal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<Looked<T>> {
  const timeout = AbortSignal.timeout(withinMs);
  const silent = new Promise<Looked<T>>((done) => {
    timeout.addEventListener('abort', () => {
      done({ finding: notSeen(subject, `has not answered within ${withinMs} ms`, { withinMs }) });
    });
  });
  const looked = act(AbortSignal.any([taskSignal, timeout])).then(
    (seen) => ({ seen }),
    (error: unknown) => {
      if (!(error instanceof InfrastructureError)) throw error;
      // What was aborted has not answered either.
      return timeout.aborted ? silent : { finding: notSeen(subject, 'does not answer, or refuses', {}) };
    },
  );
  return Promise.race([looked, silent]);
}

const notSeen = (subject: string, how: string, evidence: Finding['evidence']): Finding => ({
  rule: `${subject}_unreachable`,
  severity: 'critical',
  message: `${subject.replaceAll('_', ' ')} ${how}: nothing can be said of what is in it`,
  evidence,
  remedy:
    "See that it runs, that the apps' settings name it, and that their identities may use it; the log has the cause.",
});

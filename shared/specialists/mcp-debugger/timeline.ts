import { agents } from '../../orchestration/model/agents.ts';
import type { Gathered } from './readTrace.ts';

/** One thing that happened, and where. */
export interface Entry {
  readonly at: string;
  readonly source: 'session' | 'plan' | 'delegation' | 'audit';
  readonly app?: string;
  /** In words: `validate_server_config is taken by fastmcp-specialist`. */
  readonly what: string;
  readonly id: string;
  /** What lay between this and what it followed on, or how long it took, in milliseconds. */
  readonly durationMs?: number;
  readonly outcome?: string;
}

const ms = (from: string, to: string): number => Date.parse(to) - Date.parse(from);

/** All that was gathered, as one story in the order of time. */
export function timelineOf({ delegations, plans, records, sessions }: Gathered): readonly Entry[] {
  const entries: Entry[] = [];
  for (const session of sessions.values())
    if (session)
      entries.push({ at: session.createdAt, source: 'session', what: 'the session opens', id: session.id });
  for (const { id, name, createdAt, finishedAt, state } of plans) {
    const shared = { source: 'plan', app: 'management', id } as const;
    entries.push({ ...shared, at: createdAt, what: `the plan ${name} is made` });
    if (finishedAt !== undefined)
      entries.push({
        ...shared,
        at: finishedAt,
        what: `the plan ${name} ends`,
        durationMs: ms(createdAt, finishedAt),
        outcome: state,
      });
  }
  for (const { id, agent, task, state, createdAt, startedAt, finishedAt, outcome } of delegations) {
    const shared = { source: 'delegation', app: agents[agent], id } as const;
    entries.push({ ...shared, at: createdAt, what: `${task} is queued for ${agent}` });
    if (startedAt !== undefined)
      entries.push({
        ...shared,
        at: startedAt,
        what: `${task} is taken by ${agent}`,
        durationMs: ms(createdAt, startedAt),
      });
    if (finishedAt !== undefined)
      entries.push({
        ...shared,
        at: finishedAt,
        what: `${task} of ${agent} ends`,
        durationMs: ms(startedAt ?? createdAt, finishedAt),
        outcome: outcome && !outcome.success ? outcome.error.kind : state,
      });
  }
  for (const { id, at, action, resource, decision, outcome, durationMs } of records)
    entries.push({
      at,
      source: 'audit',
      what: `${action} on ${resource} is ${decision}`,
      id,
      durationMs,
      outcome,
    });
  return entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ActiveServer } from '../../gateway/view/catalogue.ts';
import type { Tool } from '../../registry/server.ts';
import type { Finding } from '../finding.ts';
import { judgeOutputSchema } from './judgeStructured.ts';

/** For all of them: schemas that are made to take long must not hold up the app. */
const WITHIN_MS = 8_000;

/** A tool with an output schema, and what is wrong with that. */
export interface Described {
  readonly tool: Tool;
  readonly findings: readonly Finding[];
}

export interface CheckedSchemas {
  readonly described: readonly Described[];
  /** Tools whose schemas were not looked at, since the time was over. */
  readonly unchecked: number;
}

/** Checks the output schemas of all tools that have one; others have a turn between any two. */
export async function checkSchemas(servers: readonly ActiveServer[]): Promise<CheckedSchemas> {
  const all = servers.flatMap(({ slug, discovery: { era, tools } }) =>
    tools.filter(({ outputSchema }) => outputSchema !== undefined).map((tool) => ({ slug, era, tool })),
  );
  const described: Described[] = [];
  const endAt = performance.now() + WITHIN_MS;
  for (const { slug, era, tool } of all) {
    if (performance.now() > endAt) break;
    described.push({ tool, findings: judgeOutputSchema(slug, era, tool) });
    await nextTurn();
  }
  return { described, unchecked: all.length - described.length };
}

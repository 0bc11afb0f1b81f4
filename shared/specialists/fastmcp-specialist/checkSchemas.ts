import type { ActiveServer } from '../../gateway/catalogue/catalogue.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { Finding } from '../finding.ts';
import { judgeOutputSchema } from './structuredFindings.ts';
import type { CheckSchema } from './schemaChecker.ts';

/** For all servers together. */
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

/** Checks the output schemas of all tools that have one. */
export async function checkSchemas(
  servers: readonly ActiveServer[],
  checkOf: (server: ActiveServer) => CheckSchema,
): Promise<CheckedSchemas> {
  const described: Described[] = [];
  let unchecked = 0;
  const endAt = performance.now() + WITHIN_MS;
  for (const server of servers) {
    const { slug, discovery } = server;
    const check = checkOf(server);
    for (const tool of discovery.tools.filter(({ outputSchema }) => outputSchema !== undefined)) {
      if (performance.now() > endAt) unchecked += 1;
      else described.push({ tool, findings: await judgeOutputSchema(slug, discovery.era, tool, check) });
    }
  }
  return { described, unchecked };
}

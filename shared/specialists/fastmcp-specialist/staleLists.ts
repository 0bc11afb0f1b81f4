import type { Refreshed } from '../../gateway/catalogue/refresh.ts';
import type { ActiveServer } from '../../gateway/catalogue/catalogue.ts';
import type { Finding } from '../finding.ts';

/** What the registry keeps of one server, and since when nobody has seen that it is right. */
export interface Kept {
  readonly server: string;
  readonly era: string;
  readonly tools: number;
  readonly prompts: number;
  readonly resources: number;
  /** Of the lists as JSON. */
  readonly bytes: number;
  readonly changedAt: string;
  readonly confirmedAt: string;
  readonly ageMinutes: number;
}

/** Half of what a record has room for. */
const LARGE_BYTES = 200 * 1024;
const MINUTE_MS = 60_000;

export function keptOf({ slug, discovery }: ActiveServer, confirmed: string | undefined, now: Date): Kept {
  const { era, tools, prompts = [], resources = [], resourceTemplates = [], discoveredAt } = discovery;
  const confirmedAt = confirmed !== undefined && confirmed > discoveredAt ? confirmed : discoveredAt;
  const lists = [tools, prompts, resources, resourceTemplates];
  return {
    server: slug,
    era,
    tools: tools.length,
    prompts: prompts.length,
    resources: resources.length + resourceTemplates.length,
    bytes: lists.reduce((sum, list) => sum + Buffer.byteLength(JSON.stringify(list)), 0),
    changedAt: discoveredAt,
    confirmedAt,
    ageMinutes: Math.floor((now.getTime() - Date.parse(confirmedAt)) / MINUTE_MS),
  };
}

/** What follows from the age and size of what is kept, and from what its refresh came to. */
export function judgeKept(
  kept: Kept,
  refreshed: Refreshed | undefined,
  oldAfterMinutes: number,
): readonly Finding[] {
  const { server, bytes, tools, ageMinutes, confirmedAt } = kept;
  const findings: Finding[] = [];
  const say = (
    rule: string,
    severity: Finding['severity'],
    message: string,
    remedy: string,
    evidence: object,
  ) => {
    findings.push({ rule, severity, message, evidence: { server, ...evidence }, remedy });
  };
  if (refreshed === 'unavailable')
    say(
      'list_not_refreshed',
      'warning',
      `what is kept of the server "${server}" is ${ageMinutes} minutes old and could not be refreshed: it does not answer`,
      'See that the server runs; until it does, its last lists are shown and calls to it fail.',
      { ageMinutes, confirmedAt },
    );
  if (refreshed === 'updated')
    say(
      'list_was_stale',
      'info',
      `what was kept of the server "${server}" was out of date and is replaced`,
      'Nothing; where it happens often, let the server declare listChanged and say when its lists change.',
      { ageMinutes, confirmedAt },
    );
  const isOverdue = refreshed !== undefined && oldAfterMinutes > 0 && ageMinutes >= 2 * oldAfterMinutes;
  if (isOverdue && refreshed !== 'unavailable')
    say(
      'list_overdue',
      'warning',
      `nobody had looked at the server "${server}" for ${ageMinutes} minutes`,
      'See that the timer catalogue-refresh of the mcp app runs: it looks every quarter of an hour.',
      { ageMinutes, confirmedAt },
    );
  if (bytes > LARGE_BYTES)
    say(
      'list_large',
      'warning',
      `the lists of the server "${server}" take ${Math.round(bytes / 1024)} KiB, which every client reads whole`,
      'Make a toolset of the tools that are needed; the owner may shorten descriptions and schemas.',
      { bytes, tools },
    );
  return findings;
}

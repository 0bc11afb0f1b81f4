/** The response header in which an answer says how long its stages took (W3C Server Timing). */
export const SERVER_TIMING = 'server-timing';

/** One stage, as the header words it. */
export const stage = (name: string, durationMs: number): string => `${name};dur=${durationMs.toFixed(2)}`;

/** More than any answer of ours has; what a stranger's holds beyond that is not read. */
const MAX_LENGTH = 1_000;

/** The stages of a header with their milliseconds. What has no duration is left out. */
export function stagesOf(header: string): ReadonlyMap<string, number> {
  const stages = new Map<string, number>();
  for (const metric of header.slice(0, MAX_LENGTH).split(',')) {
    const [name = '', ...parameters] = metric.split(';').map((part) => part.trim());
    const durationMs = Number(parameters.find((text) => /^dur=\d/i.test(text))?.slice(4));
    if (name !== '' && Number.isFinite(durationMs)) stages.set(name, (stages.get(name) ?? 0) + durationMs);
  }
  return stages;
}

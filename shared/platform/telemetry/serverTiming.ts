/** The response header with the duration of each stage (W3C Server Timing). */
export const SERVER_TIMING = 'server-timing';

/** Returns one stage in the syntax of the header. */
export const stage = (name: string, durationMs: number): string => `${name};dur=${durationMs.toFixed(2)}`;

/** Characters. The gateway's own header is shorter. The rest of a longer header is ignored. */
const MAX_LENGTH = 1_000;

/** Returns the stages of a header with their milliseconds. Stages without a duration are left out. */
export function stagesOf(header: string): ReadonlyMap<string, number> {
  const stages = new Map<string, number>();
  for (const metric of header.slice(0, MAX_LENGTH).split(',')) {
    const [name = '', ...parameters] = metric.split(';').map((part) => part.trim());
    const durationMs = Number(parameters.find((text) => /^dur=\d/i.test(text))?.slice(4));
    if (name !== '' && Number.isFinite(durationMs)) stages.set(name, (stages.get(name) ?? 0) + durationMs);
  }
  return stages;
}

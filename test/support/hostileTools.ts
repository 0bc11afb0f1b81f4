import type { MadeTool } from './upstreamServer.ts';

/** A pattern that takes for ever on 60 letters and another character. */
export const SLOW_PATTERN = '^(a+)+$';
export const SLOW_TEXT = `${'a'.repeat(60)}!`;

/** Definitions of which each refers twice to the next: some 40 lines that are 2^40 to evaluate. */
export const referenceBomb = (levels = 40): object => {
  const level = (number: number) => ({ $ref: `#/$defs/l${number}` });
  return {
    type: 'object',
    properties: { v: level(0) },
    $defs: Object.fromEntries(
      Array.from({ length: levels }, (_, number) => [
        `l${number}`,
        number === levels - 1 ? { type: 'string' } : { allOf: [level(number + 1), level(number + 1)] },
      ]),
    ),
  };
};

/** Every two of them have to be compared. */
export const differing = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, number) => `n${number}`);

const tool = (name: string, outputSchema: object, v: unknown): MadeTool => ({
  listed: { name, inputSchema: { type: 'object' }, outputSchema, annotations: { readOnlyHint: true } },
  result: { content: [], structuredContent: { v } },
});

/** Ten tools whose schemas take for ever on what the tools give, and one whose schema alone takes seconds. */
export const hostileTools: readonly MadeTool[] = [
  ...Array.from({ length: 7 }, (_, number) =>
    tool(
      `pattern-${number}`,
      { type: 'object', properties: { v: { type: 'string', pattern: SLOW_PATTERN } } },
      SLOW_TEXT,
    ),
  ),
  ...Array.from({ length: 3 }, (_, number) => tool(`references-${number}`, referenceBomb(), 'text')),
  tool('names', { type: 'object', required: differing(20_000) }, 'text'),
];

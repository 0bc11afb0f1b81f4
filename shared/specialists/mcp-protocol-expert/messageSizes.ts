import { z } from 'zod';
import { isObject, type JsonObject } from '../../gateway/protocol/jsonRpc.ts';
import type { Finding } from '../finding.ts';
import { type ListKind, listKinds, listMethods, type Transcript } from './transcript/transcript.ts';

const CHARACTERS_PER_TOKEN = 4;
/** A model that is given more than this of one tool, or of one server, has less room for the work itself. */
const LARGE_TOOL_TOKENS = 2_000;
const LARGE_CATALOGUE_TOKENS = 10_000;
const LONG_DESCRIPTION = 1_024;
const LARGE_PAGE_BYTES = 256 * 1024;
const LOOSE_SHARE = 0.1;
const LOOSE_BYTES = 1_024;
const SMALL_PAGE = 10;
const MANY_PAGES = 4;
const LARGEST = 5;

const partsSchema = z.object({
  name: z.string(),
  bytes: z.number(),
  tokens: z.number().describe('Estimated: four characters make a token.'),
  description: z.number().describe('Bytes of its title and description.'),
  inputSchema: z.number(),
  outputSchema: z.number(),
  rest: z.number(),
});

/** How large what a server sends is, and where it goes. */
export const sizesSchema = z.object({
  slug: z.string(),
  lists: z.array(
    z.object({
      method: z.string(),
      pages: z.number(),
      items: z.number(),
      bytes: z.number().describe('On the wire, without headers.'),
      looseBytes: z.number().describe('Of them, white space and what wraps events.'),
      largestPage: z.number(),
      complete: z.boolean().describe('Whether there were no pages beyond those that were read.'),
    }),
  ),
  toolTokens: z.number().describe('What all tools cost in the context of a model.'),
  instructionTokens: z.number(),
  largestTools: z.array(partsSchema),
  repeatedDescriptions: z.array(
    z.object({ length: z.number(), times: z.number(), places: z.array(z.string()) }),
  ),
});
export type Sizes = z.infer<typeof sizesSchema>;

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value), 'utf8');
const tokensOf = (value: unknown): number => Math.ceil(JSON.stringify(value).length / CHARACTERS_PER_TOKEN);

/** Pure. */
export function measureSizes(slug: string, { lists, profile }: Transcript): Sizes {
  const tools = lists.tools.items.filter(isObject);
  const { instructions } = profile;
  return {
    slug,
    lists: listKinds
      .filter((kind) => lists[kind].items.length > 0)
      .map((kind) => listSize(kind, lists[kind])),
    toolTokens: tools.reduce((sum, tool) => sum + tokensOf(tool), 0),
    instructionTokens: typeof instructions === 'string' ? tokensOf(instructions) : 0,
    largestTools: tools
      .map(partsOf)
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, LARGEST),
    repeatedDescriptions: repeatedIn(tools),
  };
}

function listSize(
  kind: ListKind,
  { pages, items, end }: Transcript['lists'][ListKind],
): Sizes['lists'][number] {
  const answers = pages.flatMap(({ answer }) => (answer ? [answer] : []));
  const bytes = answers.reduce((sum, answer) => sum + answer.bytes, 0);
  const needed = answers
    .flatMap(({ messages }) => messages)
    .reduce((sum: number, one) => sum + bytesOf(one), 0);
  return {
    method: listMethods[kind].method,
    pages: pages.length,
    items: items.length,
    bytes,
    looseBytes: Math.max(0, bytes - needed),
    largestPage: Math.max(0, ...answers.map((answer) => answer.bytes)),
    complete: end === 'complete',
  };
}

function partsOf(tool: JsonObject): z.infer<typeof partsSchema> {
  const { name, title, description, inputSchema, outputSchema } = tool;
  const size = (value: unknown) => (value === undefined ? 0 : bytesOf(value));
  const bytes = bytesOf(tool);
  const parts = {
    description: size(title) + size(description),
    inputSchema: size(inputSchema),
    outputSchema: size(outputSchema),
  };
  const rest = bytes - parts.description - parts.inputSchema - parts.outputSchema;
  return { name: String(name).slice(0, 80), bytes, tokens: tokensOf(tool), ...parts, rest };
}

const MIN_REPEATED = 40;
const MAX_PLACES = 5;

/** Descriptions, of tools and of their parameters, that stand in more than one place. */
function repeatedIn(tools: readonly JsonObject[]): Sizes['repeatedDescriptions'] {
  const places = tools.flatMap((tool) => {
    const name = String(tool['name']).slice(0, 80);
    const own = { text: tool['description'], place: name };
    const schema = isObject(tool['inputSchema']) ? tool['inputSchema'] : {};
    const properties = isObject(schema['properties']) ? schema['properties'] : {};
    const ofParameters = Object.entries(properties).map(([key, property]) => ({
      text: isObject(property) ? property['description'] : undefined,
      place: `${name}.${key.slice(0, 80)}`,
    }));
    return [own, ...ofParameters];
  });
  const groups = Map.groupBy(
    places.filter(({ text }) => typeof text === 'string' && text.length >= MIN_REPEATED),
    ({ text }) => text,
  );
  return [...groups.entries()]
    .filter(([, same]) => same.length > 1)
    .map(([text, same]) => ({
      length: String(text).length,
      times: same.length,
      places: same.slice(0, MAX_PLACES).map(({ place }) => place),
    }))
    .sort((a, b) => b.length * b.times - a.length * a.times)
    .slice(0, LARGEST);
}

/** What could be smaller. Pure. */
export function judgeSizes(sizes: Sizes): Finding[] {
  const { slug, lists, toolTokens, largestTools, repeatedDescriptions } = sizes;
  const found = (
    rule: string,
    severity: Finding['severity'],
    message: string,
    evidence: Record<string, unknown>,
    remedy: string,
  ): Finding => ({
    rule,
    severity,
    message: `${slug}: ${message}`,
    evidence: { server: slug, ...evidence },
    remedy,
  });
  return [
    ...largestTools
      .filter(({ tokens }) => tokens > LARGE_TOOL_TOKENS)
      .map((tool) =>
        found(
          'tool_is_large',
          'warning',
          `the tool ${tool.name} costs about ${tool.tokens} tokens of a model's context.`,
          tool,
          `Shorten the largest part, ${largestPartOf(tool)}, or split the tool.`,
        ),
      ),
    ...(toolTokens > LARGE_CATALOGUE_TOKENS
      ? [
          found(
            'catalogue_is_large',
            'warning',
            `its tools cost about ${toolTokens} tokens together.`,
            { toolTokens },
            'Put the tools that belong together into toolsets: a client sees only those of its set.',
          ),
        ]
      : []),
    ...largestTools
      .filter(({ description }) => description > LONG_DESCRIPTION)
      .map(({ name, description }) =>
        found(
          'description_is_long',
          'info',
          `title and description of ${name} have ${description} bytes.`,
          { tool: name, description },
          'Say what the tool is for and when to use it; move the rest to the parameters or to a resource.',
        ),
      ),
    ...repeatedDescriptions.map(({ length, times, places }) =>
      found(
        'description_is_repeated',
        'info',
        `the same ${length} characters stand ${times} times, for one at ${places[0] ?? ''}.`,
        { length, times, places },
        'Say it once in the instructions of the server, and briefly in each place.',
      ),
    ),
    ...lists.flatMap(({ method, bytes, looseBytes, largestPage, pages, items }) => [
      ...(looseBytes > LOOSE_BYTES && looseBytes > bytes * LOOSE_SHARE
        ? [
            found(
              'json_is_loose',
              'info',
              `${looseBytes} of the ${bytes} bytes of ${method} are white space and wrapping.`,
              { method, bytes, looseBytes },
              'Write JSON without indentation to the wire.',
            ),
          ]
        : []),
      ...(largestPage > LARGE_PAGE_BYTES
        ? [
            found(
              'page_is_large',
              'warning',
              `a page of ${method} has ${largestPage} bytes.`,
              { method, largestPage, items },
              'Page the list, or shorten its items: each client reads it whole before it can begin.',
            ),
          ]
        : []),
      ...(pages >= MANY_PAGES && items / pages < SMALL_PAGE
        ? [
            found(
              'pages_are_small',
              'info',
              `${method} takes ${pages} requests for ${items} items.`,
              { method, pages, items },
              'Put more items into a page: each page is a round trip.',
            ),
          ]
        : []),
    ]),
  ];
}

function largestPartOf({
  description,
  inputSchema,
  outputSchema,
  rest,
}: z.infer<typeof partsSchema>): string {
  const parts = { 'its description': description, inputSchema, outputSchema, 'its other fields': rest };
  const [largest] = Object.entries(parts).sort(([, a], [, b]) => b - a);
  return largest?.[0] ?? '';
}

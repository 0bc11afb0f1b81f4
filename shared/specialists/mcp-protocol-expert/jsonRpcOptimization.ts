import * as z from 'zod';
import { isObject, type JsonObject } from '../../gateway/protocol/jsonRpc.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { finding } from './findings.ts';
import {
  agent,
  inspectServers,
  leftOutSchema,
  recordServer,
  type ServerDeps,
  subjectSchema,
} from './inspectServers.ts';
import { type ListKind, listKinds, listMethods, type Transcript } from './transcript/transcript.ts';

const MAX_SERVERS = 20;
const CHARACTERS_PER_TOKEN = 4;
/** More than this of one tool, or of one server, leaves a model too little room for the work itself. */
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

/** The sizes of what a server sends, by list, tool and part. */
export const sizesSchema = z.object({
  slug: z.string(),
  lists: z.array(
    z.object({
      method: z.string(),
      pages: z.number(),
      items: z.number(),
      bytes: z.number().describe('On the wire, without headers.'),
      looseBytes: z.number().describe('The part of the bytes that is white space and the framing of events.'),
      largestPage: z.number(),
      complete: z.boolean().describe('Whether all pages were read.'),
    }),
  ),
  toolTokens: z.number().describe('The tokens that all tools take in the context of a model.'),
  instructionTokens: z.number(),
  largestTools: z.array(partsSchema),
  repeatedDescriptions: z.array(
    z.object({ length: z.number(), times: z.number(), places: z.array(z.string()) }),
  ),
});
export type Sizes = z.infer<typeof sizesSchema>;

/** Measures what the lists of servers cost on the wire and in the context of a model. */
export const jsonRpcOptimization = (deps: ServerDeps): Task =>
  defineTask({
    name: 'json_rpc_optimization',
    permissions: ['delegations.read'],
    agent,
    description:
      'Reads the lists of a server as a client does, and reports their sizes, pages and largest tools, what they cost in the context of a model, and what could be smaller.',
    timeoutMs: 120_000,
    input: subjectSchema,
    output: reportSchema.extend({ servers: z.array(sizesSchema), leftOut: leftOutSchema }),
    async run({ slug }, helpers) {
      const inspected = await inspectServers(
        slug,
        helpers,
        deps,
        { limit: MAX_SERVERS },
        async (server, calls, signal) => {
          const recorded = await recordServer(server, 'lists', calls, signal);
          if (!recorded.transcript) return { sizes: [], findings: [recorded.finding] };
          const sizes = measureSizes(server.slug, recorded.transcript);
          return { sizes: [sizes], findings: sizeFindings(sizes) };
        },
      );
      if (!inspected.ok) return inspected;
      const { results, leftOut } = inspected.value;
      const sizes = results.flatMap((result) => result.sizes);
      const toolTokens = sizes.reduce((sum, one) => sum + one.toolTokens, 0);
      const bytes = sizes.flatMap(({ lists }) => lists).reduce((sum, list) => sum + list.bytes, 0);
      return succeed({
        summary: `The lists of ${sizes.length} servers have ${bytes} bytes; their tools take about ${toolTokens} tokens of a model's context.`,
        facts: { measured: sizes.length, bytes, toolTokens },
        findings: results.flatMap(({ findings }) => findings),
        servers: sizes,
        leftOut: [...leftOut],
      });
    },
  });

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value), 'utf8');
const tokensOf = (value: unknown): number => Math.ceil(JSON.stringify(value).length / CHARACTERS_PER_TOKEN);

/** Measures the lists and the profile of a transcript. Pure. */
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

/** Returns the descriptions of tools and parameters that occur more than once. */
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

/** Returns what could be smaller. Pure. */
export function sizeFindings(sizes: Sizes): Finding[] {
  const { slug: server, lists, toolTokens, largestTools, repeatedDescriptions } = sizes;
  return [
    ...largestTools
      .filter(({ tokens }) => tokens > LARGE_TOOL_TOKENS)
      .map((tool) => finding('tool_is_large', { server, ...tool, largest: largestPartOf(tool) })),
    ...(toolTokens > LARGE_CATALOGUE_TOKENS ? [finding('catalogue_is_large', { server, toolTokens })] : []),
    ...largestTools
      .filter(({ description }) => description > LONG_DESCRIPTION)
      .map(({ name, description }) => finding('description_is_long', { server, tool: name, description })),
    ...repeatedDescriptions.map((repeated) => finding('description_is_repeated', { server, ...repeated })),
    ...lists.flatMap(({ method, bytes, looseBytes, largestPage, pages, items }) => [
      ...(looseBytes > LOOSE_BYTES && looseBytes > bytes * LOOSE_SHARE
        ? [finding('json_is_loose', { server, method, bytes, looseBytes })]
        : []),
      ...(largestPage > LARGE_PAGE_BYTES
        ? [finding('page_is_large', { server, method, largestPage, items })]
        : []),
      ...(pages >= MANY_PAGES && items / pages < SMALL_PAGE
        ? [finding('pages_are_small', { server, method, pages, items })]
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

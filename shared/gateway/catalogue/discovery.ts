import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../platform/base/clock.ts';
import type { DomainError, ErrorKind } from '../../platform/base/errors.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Discovery, LeftOut } from '../../registry/records/server.ts';
import { credentialsIn, type UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import { LISTS_TIMEOUT_MS, MAX_DISCOVERY_LENGTH } from '../protocol/limits.ts';
import { faultErrors, UnsuitableServer, UpstreamFault } from '../upstream/fault.ts';
import { openServer } from '../upstream/openServer.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import { type ClientNeeds, findClientNeeds, needsInRoom } from './clientNeeds.ts';
import { boundLeftOut, type FoundList, readList, readListIfFit } from './readLists.ts';
import { createRoom, type Room } from './room.ts';
import type { ListKind } from './view.ts';

/** Knowledge of an earlier discovery. While the tools of the server are the same, their needs are too. */
export type Known = Pick<Discovery, 'tools' | 'needs'>;

export interface DiscoveryDeps {
  readonly outboundTo: OutboundTo;
  readonly clock: Clock;
}

/**
 * Discovers a server as a client with all capabilities: its era and revision, its own capabilities and its lists. What clients
 * could not read is repaired or left out, and `leftOut` says so. The message of a failure is for the person who registered the
 * server. Ends the sessions that it opened.
 */
export async function discoverServer(
  target: UpstreamTarget,
  deps: DiscoveryDeps,
  signal: AbortSignal,
  known?: Known,
): Promise<Result<Discovery>> {
  try {
    return succeed(await readDiscovery(target, deps, signal, known));
  } catch (error) {
    return fail(explainFailure(error, target));
  }
}

/** Does the same. @throws UpstreamFault, UnsuitableServer */
export async function readDiscovery(
  target: UpstreamTarget,
  deps: DiscoveryDeps,
  signal: AbortSignal,
  known: Known | undefined,
): Promise<Discovery> {
  const room = createRoom();
  const listed = await readServer(target, deps.outboundTo, signal, room);
  const { items, isLate } = listed.tools;
  // A server that is slow once still has the tools that it listed before.
  if (isLate === true && known !== undefined && items.length < known.tools.length)
    throw new UpstreamFault('timeout', 'did not list all its tools in time');
  const found = await findNeeds(target, listed, deps.outboundTo, signal, known);
  const { needs, others = [], leftOut = [] } = found ? needsInRoom(found, room) : {};
  const allLeftOut = [...listed.leftOut, ...leftOut];
  return {
    ...listed.discovery,
    tools: [...items, ...others].map(asTool),
    ...(needs && { needs }),
    ...(allLeftOut.length > 0 && { leftOut: boundLeftOut(allLeftOut) }),
    discoveredAt: deps.clock.now().toISOString(),
  };
}

/** The profile of a server and its lists. */
interface Listed {
  readonly discovery: Omit<Discovery, 'tools' | 'discoveredAt'>;
  readonly tools: FoundList;
  readonly leftOut: readonly LeftOut[];
}

async function readServer(
  target: UpstreamTarget,
  outboundTo: OutboundTo,
  signal: AbortSignal,
  room: Room,
): Promise<Listed> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(LISTS_TIMEOUT_MS)]);
  const opened = await openServer(target, outboundTo, within);
  try {
    const { profile } = opened;
    const { capabilities } = profile;
    if (!room.take(profile))
      throw new UnsuitableServer(`describes itself in more than ${MAX_DISCOVERY_LENGTH} characters of JSON`);
    const tools = 'tools' in capabilities ? await readList(opened, 'tools', room) : nothing;
    const ifFit = async (list: ListKind, capability: string) =>
      capability in capabilities ? readListIfFit(opened, list, room) : nothing;
    const prompts = await ifFit('prompts', 'prompts');
    const resources = await ifFit('resources', 'resources');
    const resourceTemplates = await ifFit('resourceTemplates', 'resources');
    const discovery = {
      ...profile,
      ...('prompts' in capabilities && prompts.items && { prompts: prompts.items.map(asPrompt) }),
      ...('resources' in capabilities && resources.items && { resources: resources.items.map(asResource) }),
      ...('resources' in capabilities &&
        resourceTemplates.items && { resourceTemplates: resourceTemplates.items.map(asTemplate) }),
    };
    const leftOut = [tools, prompts, resources, resourceTemplates].flatMap((list) => list.leftOut);
    return { discovery, tools, leftOut };
  } finally {
    await opened.close();
  }
}

const nothing: FoundList = { items: [], leftOut: [], isCut: false };

const asTool = (item: JsonObject) => ({ ...item, name: String(item['name']) });
const asPrompt = asTool;
const asResource = (item: JsonObject) => ({ ...item, uri: String(item['uri']) });
const asTemplate = (item: JsonObject) => ({ ...item, uriTemplate: String(item['uriTemplate']) });

/** Returns the needs of the tools, or those that are known; `undefined` where all clients see the same tools. */
async function findNeeds(
  target: UpstreamTarget,
  { discovery: { era, transport }, tools: { items, isCut } }: Listed,
  outboundTo: OutboundTo,
  signal: AbortSignal,
  known: Known | undefined,
): Promise<ClientNeeds | undefined> {
  // Over HTTP+SSE each call has a session of its own, in which no client can be asked.
  if (items.length === 0 || isCut || transport === 'sse') return undefined;
  if (known && isDeepStrictEqual(known.tools, items))
    return known.needs && { needs: known.needs, others: [] };
  const pinned = { ...target, upstream: { ...target.upstream, era } };
  return findClientNeeds(pinned, outboundTo, items, signal);
}

/** What the administrator can do about each kind of fault. */
const advice: Readonly<Partial<Record<UpstreamFault['kind'], string>>> = {
  unreachable: 'Is it running, and is the URL right?',
  timeout: 'Is it running, and not overloaded? Then register it again.',
  credentials_wanted:
    'It needs sign-in: name a credential in upstream.headers, or check the one that is named there.',
  not_mcp: 'Does the URL end in the path of its MCP endpoint, often /mcp?',
};

/** What the administrator can do where a server without a credential asks for a bearer token. */
const accountAdvice =
  'It asks its callers to sign in. If each user has an account there, set upstream.headers to {"authorization":{"credential":"user-account"}}.';

/** Explains a failed discovery to the person who registered the server. @throws every other error */
export function explainFailure(error: unknown, { upstream }: UpstreamTarget): DomainError {
  if (error instanceof UnsuitableServer) return { kind: 'invalid', message: `The server ${error.message}.` };
  if (!(error instanceof UpstreamFault)) throw error;
  const { message, said } = error;
  const isAccountMissing = said?.asksForToken === true && credentialsIn(upstream).length === 0;
  const sentences = [
    `The server ${message}.`,
    said?.reason === undefined ? undefined : `It says: "${said.reason}".`,
    isAccountMissing ? accountAdvice : (advice[error.kind] ?? statusAdvice(error.status)),
    said?.tried === undefined ? undefined : `Tried: ${said.tried.join(', ')}.`,
  ];
  return {
    kind: kindOf(error),
    message: sentences.filter((sentence) => sentence !== undefined).join(' '),
  };
}

function statusAdvice(status: number | undefined): string | undefined {
  if (status === undefined) return undefined;
  if (status >= 500) return 'Look at its own log, then register it again.';
  if (status >= 300 && status < 400) return 'Register the URL that it redirects to.';
  return advice.not_mcp;
}

/** A retry can help when the server did not answer. When it answered, its registration must change. */
function kindOf({ kind, status }: UpstreamFault): ErrorKind {
  if (kind === 'not_mcp' || kind === 'address_refused' || kind === 'credentials_wanted') return 'invalid';
  if (kind === 'http_status' && (status ?? 0) < 500) return 'invalid';
  return faultErrors[kind];
}

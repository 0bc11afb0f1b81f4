import type { DomainError, ErrorKind } from '../platform/errors.ts';
import { fail, type Result, succeed } from '../platform/result.ts';
import type { Discovery, Era, Tool } from '../registry/server.ts';
import { type Bounds, unsafeShape } from './bounds.ts';
import type { GatewayDeps } from './endpoint.ts';
import { HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION } from './errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcRequest, type Outcome } from './jsonRpc.ts';
import { LATEST_MODERN, LEGACY_VERSIONS, META, metaOf, MODERN_VERSIONS } from './protocol.ts';
import { outcomeOf } from './upstream/answer.ts';
import { faultErrors, UpstreamFault } from './upstream/fault.ts';
import { type LegacySession, openSession } from './upstream/legacySession.ts';
import { askModern, ownEnvelope } from './upstream/modern.ts';

/** A catalogue beyond these is of no use to a model, and a record must fit a table row. */
const MAX_TOOLS = 500;
const MAX_PAGES = 20;
const MAX_SCHEMA: Bounds = { depth: 64, keys: 10_000 };
/** A row holds 1 MiB in UTF-16, that is 512 Ki characters; the rest of the record needs some of them. */
const MAX_JSON_LENGTH = 480 * 1024;
/** For each request of a discovery: a server that takes longer would keep those who call its tools waiting too. */
const ANSWER_WITHIN_MS = 20_000;

type Deps = Pick<GatewayDeps, 'outbound' | 'clock'>;

/** What a server says of itself, without its tools. */
type Profile = Omit<Discovery, 'tools' | 'discoveredAt'>;
/** Asks the server one request of its era and gives the result. */
type Ask = (method: string, params: JsonObject) => Promise<JsonObject>;
interface Opened {
  readonly profile: Profile;
  readonly ask: Ask;
  close(): Promise<void>;
}

/** A server that answered, and not as a server that can be registered. The message completes "The server …". */
class Unfit extends Error {}

/**
 * Finds out what a server is: its era, its capabilities and its tools. Modern is tried first, then the legacy handshake
 * (2026-07-28, versioning, Backward Compatibility); no answer, a 401, a 403 or a 5xx decides no era and is a failure. The
 * message of a failure is for whoever registered the server. A legacy session that was opened is ended again.
 */
export async function discoverServer(
  url: string,
  deps: Deps,
  signal: AbortSignal,
): Promise<Result<Discovery>> {
  try {
    const opened = (await openModern(url, deps, signal)) ?? (await openLegacy(url, deps, signal));
    try {
      const tools = 'tools' in opened.profile.capabilities ? await listAll(opened.ask) : [];
      return succeed({ ...opened.profile, tools, discoveredAt: deps.clock.now().toISOString() });
    } finally {
      await opened.close();
    }
  } catch (error) {
    return fail(explainFailure(error));
  }
}

async function openModern(url: string, { outbound }: Deps, signal: AbortSignal): Promise<Opened | undefined> {
  let lastId = 0;
  const outcome = async (method: string, params: JsonObject): Promise<Outcome> => {
    const request: JsonRpcRequest = {
      jsonrpc: '2.0',
      id: (lastId += 1),
      method,
      params: { ...params, _meta: ownEnvelope },
    };
    return outcomeOf(await askModern(outbound, url, request, bounded(signal)));
  };
  const found = await probe(() => outcome('server/discover', {}));
  if (found === undefined) return undefined;
  return {
    profile: profileOf('modern', LATEST_MODERN, found, metaOf(found)[META.serverInfo]),
    ask: async (method, params) => resultOf(method, await outcome(method, params)),
    close: () => Promise.resolve(),
  };
}

/** The result of `server/discover`, or undefined when the server is of the legacy era. */
async function probe(discover: () => Promise<Outcome>): Promise<JsonObject | undefined> {
  let outcome: Outcome;
  try {
    outcome = await discover();
  } catch (error) {
    // A 4xx without a modern error, and an answer that is no MCP, are what legacy servers give to a method they do not know.
    const legacy =
      error instanceof UpstreamFault &&
      (error.kind === 'not_mcp' || (error.kind === 'http_status' && isClientError(error.status)));
    if (legacy) return undefined;
    throw error;
  }
  if ('result' in outcome) {
    const { supportedVersions } = outcome.result;
    if (!Array.isArray(supportedVersions)) return undefined;
    if (supportedVersions.some((version) => MODERN_VERSIONS.includes(String(version)))) return outcome.result;
    requireLegacy(supportedVersions);
    return undefined;
  }
  const { code, data } = outcome.error;
  if (code === UNSUPPORTED_VERSION && isObject(data) && Array.isArray(data['supported'])) {
    requireLegacy(data['supported']);
    return undefined;
  }
  if (code === HEADER_MISMATCH || code === MISSING_CLIENT_CAPABILITY) {
    throw new Unfit(`speaks MCP ${LATEST_MODERN}, but refused server/discover with the error ${code}`);
  }
  return undefined;
}

const isClientError = (status: number | undefined): boolean =>
  status !== undefined && status >= 400 && status < 500;

function requireLegacy(versions: readonly unknown[]): void {
  if (versions.some((version) => LEGACY_VERSIONS.includes(String(version)))) return;
  throw new Unfit(
    `speaks no protocol version that the gateway knows (${[...MODERN_VERSIONS, ...LEGACY_VERSIONS].join(', ')})`,
  );
}

async function openLegacy(url: string, { outbound }: Deps, signal: AbortSignal): Promise<Opened> {
  const { session, result } = await openSession(outbound, url, signal);
  return {
    profile: profileOf('legacy', session.version, result, result['serverInfo']),
    ask: (method, params) => askLegacy(session, method, params, signal),
    close: () => session.close(),
  };
}

async function askLegacy(
  session: LegacySession,
  method: string,
  params: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject> {
  const request: JsonRpcRequest = { jsonrpc: '2.0', id: session.nextId(), method, params };
  const reply = await session.post(request, bounded(signal));
  return resultOf(method, await outcomeOf(await session.answer(reply, request)));
}

const bounded = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);

function resultOf(method: string, outcome: Outcome): JsonObject {
  if ('result' in outcome) return outcome.result;
  throw new Unfit(`answered ${method} with the error ${outcome.error.code}`);
}

function profileOf(era: Era, protocolVersion: string, result: JsonObject, info: unknown): Profile {
  const { capabilities, instructions } = result;
  const { name, version } = isObject(info) ? info : {};
  return {
    era,
    protocolVersion,
    serverInfo: {
      ...(isObject(info) && info),
      name: typeof name === 'string' ? name : 'unnamed',
      version: typeof version === 'string' ? version : 'unknown',
    },
    capabilities: isObject(capabilities) ? capabilities : {},
    ...(typeof instructions === 'string' && { instructions }),
  };
}

async function listAll(ask: Ask): Promise<Tool[]> {
  const tools = new Map<string, Tool>();
  let cursor: unknown;
  let pages = 0;
  let length = 0;
  do {
    if (pages === MAX_PAGES) throw new Unfit(`lists its tools in more than ${MAX_PAGES} pages`);
    pages += 1;
    const page = await ask('tools/list', cursor === undefined ? {} : { cursor });
    if (!Array.isArray(page['tools'])) throw new Unfit('answered tools/list without a list of tools');
    for (const item of page['tools'] as unknown[]) {
      const tool = toTool(item);
      if (tools.has(tool.name)) throw new Unfit(`lists the tool "${tool.name}" twice`);
      tools.set(tool.name, tool);
      if (tools.size > MAX_TOOLS) throw new Unfit(`offers more than ${MAX_TOOLS} tools`);
      length += JSON.stringify(tool).length;
      if (length > MAX_JSON_LENGTH) {
        throw new Unfit(`describes its tools in more than ${MAX_JSON_LENGTH / 1024} KiB of JSON`);
      }
    }
    cursor = page['nextCursor'];
  } while (typeof cursor === 'string');
  return [...tools.values()];
}

function toTool(item: unknown): Tool {
  if (!isObject(item) || typeof item['name'] !== 'string') throw new Unfit('lists a tool without a name');
  const { name } = item;
  if (name.length > 128) throw new Unfit('lists a tool whose name is longer than 128 characters');
  const unsafe = unsafeShape(item, MAX_SCHEMA);
  if (unsafe !== undefined) throw new Unfit(`lists the tool "${name}", whose definition ${unsafe}`);
  return { ...item, name };
}

/** What the administrator can do about it, where the kind tells. */
const advice: Readonly<Partial<Record<UpstreamFault['kind'], string>>> = {
  unreachable: 'Is it running, and is the URL right?',
  timeout: 'Is it running, and not overloaded? Then register it again.',
  credentials_wanted: 'Register a server that needs none, or let it admit the gateway.',
  not_mcp: 'Does the URL end in the path of its MCP endpoint, often /mcp?',
};

function explainFailure(error: unknown): DomainError {
  if (error instanceof Unfit) return { kind: 'invalid', message: `The server ${error.message}.` };
  if (!(error instanceof UpstreamFault)) throw error;
  const hint = advice[error.kind] ?? statusAdvice(error.status);
  return {
    kind: kindOf(error),
    message: `The server ${error.message}.${hint === undefined ? '' : ` ${hint}`}`,
  };
}

function statusAdvice(status: number | undefined): string | undefined {
  if (status === undefined) return undefined;
  if (status >= 500) return 'Look at its own log, then register it again.';
  if (status >= 300 && status < 400) return 'Register the URL that it redirects to.';
  return advice.not_mcp;
}

/** Trying again can help where the server was not there; where it answered, its registration must change. */
function kindOf({ kind, status }: UpstreamFault): ErrorKind {
  if (kind === 'not_mcp' || kind === 'address_refused' || kind === 'credentials_wanted') return 'invalid';
  if (kind === 'http_status' && (status ?? 0) < 500) return 'invalid';
  return faultErrors[kind];
}

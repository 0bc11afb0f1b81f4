import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose';
import { z } from 'zod';
import { LocalError } from '../local/localError.ts';
import { bodyOf } from './gatewayAnswer.ts';
import { countFunctions } from './packageFunctions.ts';
import { deploymentOrder, type GatewayAccess } from './target.ts';

const ANSWER_WITHIN_MS = 30_000;
const ASK_EVERY_MS = 2_000;
/** A built-in tool of every gateway. It lists the registered servers, and changes nothing. */
const TOOL = 'gateway__list_servers';

const toolsSchema = z.object({ result: z.object({ tools: z.array(z.object({ name: z.string() })) }) });
const resultSchema = z.object({
  result: z.object({ content: z.array(z.unknown()), isError: z.boolean().optional() }),
});

/**
 * Uses a running gateway from outside: counts the functions of both apps beside those of the package, sends a token with a valid
 * content and a wrong signature, lists the tools and calls one. Returns what it saw.
 * @throws LocalError at the first difference.
 */
export async function smoke(
  gateway: GatewayAccess,
  packageFolder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const token = await gateway.token();
  const functions = await compareFunctions(gateway, packageFolder, signal);
  await refuseForged(gateway, await forge(token), signal);
  const tools = await listTools(gateway, token, signal);
  await callTool(gateway, token, signal);
  return [...functions, 'a forged token is refused', `${tools} tools listed`, `${TOOL} called`];
}

async function compareFunctions(
  gateway: GatewayAccess,
  packageFolder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const notes: string[] = [];
  const asked = { signsIn: await signsPeopleIn(gateway, signal), signal };
  const [ofMcp, ofManagement] = await Promise.all([
    countFunctions(packageFolder, 'mcp', asked),
    countFunctions(packageFolder, 'management', asked),
  ]);
  const expectedOf = { mcp: ofMcp, management: ofManagement };
  for (const app of deploymentOrder) {
    const expected = expectedOf[app];
    // Azure lists the functions of an app some time after the app has started.
    const until = Date.now() + gateway.settlesWithinMs;
    let found = await gateway.countFunctions(app);
    while (found !== expected && Date.now() < until) {
      await sleep(ASK_EVERY_MS, undefined, { signal });
      found = await gateway.countFunctions(app);
    }
    if (found !== expected)
      throw new LocalError(
        `the host of the ${app} app found ${found} functions, and the package has ${expected}: read the log of the app`,
      );
    notes.push(`${found} functions in ${app}`);
  }
  return notes;
}

const resourceSchema = z.object({ resource: z.url(), authorization_servers: z.array(z.string()).min(1) });

/** Returns whether the gateway names itself as the authorization server of its endpoint (RFC 9728). */
async function signsPeopleIn({ origins }: GatewayAccess, signal: AbortSignal): Promise<boolean> {
  const url = `${origins.mcp}/.well-known/oauth-protected-resource/mcp`;
  const metadata = resourceSchema.safeParse(await answerOf(await request(url, {}, signal)));
  if (!metadata.success) throw new LocalError(`${url} answered with no metadata of a protected resource`);
  const { resource, authorization_servers: servers } = metadata.data;
  return servers.includes(new URL(resource).origin);
}

/** Returns the token with the signature of a key that nobody knows. */
async function forge(token: string): Promise<string> {
  const { privateKey } = await generateKeyPair('RS256');
  const { kid } = z.object({ kid: z.string() }).parse(decodeProtectedHeader(token));
  return new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid }).sign(privateKey);
}

async function refuseForged({ origins }: GatewayAccess, forged: string, signal: AbortSignal): Promise<void> {
  const answers = {
    mcp: await rpc(`${origins.mcp}/mcp`, forged, 'tools/list', {}, signal),
    management: await request(`${origins.management}/servers`, { headers: bearer(forged) }, signal),
  };
  for (const app of deploymentOrder) {
    const { status } = answers[app];
    if (status === 401) continue;
    throw new LocalError(
      `the ${app} app answered a token with a forged signature with status ${status} instead of 401`,
    );
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function listTools({ origins }: GatewayAccess, token: string, signal: AbortSignal): Promise<number> {
  const listed = toolsSchema.safeParse(
    await answerOf(await rpc(`${origins.mcp}/mcp`, token, 'tools/list', {}, signal)),
  );
  const names = listed.data?.result.tools.map(({ name }) => name) ?? [];
  if (!names.includes(TOOL)) throw new LocalError(`the mcp app does not list its tool ${TOOL}`);
  return names.length;
}

async function callTool({ origins }: GatewayAccess, token: string, signal: AbortSignal): Promise<void> {
  const params = { name: TOOL, arguments: {} };
  const called = resultSchema.safeParse(
    await answerOf(await rpc(`${origins.mcp}/mcp`, token, 'tools/call', params, signal)),
  );
  if (called.data === undefined || called.data.result.isError === true)
    throw new LocalError(`the mcp app did not run its tool ${TOOL}`);
}

function rpc(url: string, token: string, method: string, params: object, signal: AbortSignal) {
  return request(
    url,
    {
      method: 'POST',
      headers: {
        ...bearer(token),
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    },
    signal,
  );
}

async function request(url: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
  const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS);
  // The token goes to the gateway alone.
  const until = { redirect: 'manual', signal: AbortSignal.any([signal, timeout]) } as const;
  return fetch(url, { ...init, ...until }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new LocalError(`nothing answers at ${url}`, { cause });
  });
}

/** Returns the JSON of an answer, which may be one event of a stream. */
async function answerOf(response: Response): Promise<unknown> {
  if (!response.ok)
    throw new LocalError(`${response.url} answered an administrator with status ${response.status}`);
  const text = await bodyOf(response);
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  try {
    return JSON.parse(json);
  } catch {
    throw new LocalError(`${response.url} answered with no JSON`);
  }
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';
import { registerServer } from './gateway.ts';
import { everything, type RunningServer, sampleFolder, startServer } from './servers.ts';
import { type Door, everyCapability, openSession, type Session } from './session.ts';

let topology: SharedTopology;
let sample: Awaited<ReturnType<typeof sampleFolder>>;
const servers: Partial<Record<'streamable' | 'oldSse', RunningServer>> = {};
const doors = new Map<string, Door>();
beforeAll(async () => {
  topology = await useSharedTopology();
  sample = await sampleFolder();
  servers.streamable = await startServer({ start: everything('streamableHttp') }, sample.folder);
  servers.oldSse = await startServer({ start: everything('sse') }, sample.folder);
  const streamable = await registerServer(topology, 'everything', servers.streamable.url);
  const oldSse = await registerServer(topology, 'everything-sse', servers.oldSse.url);
  doors.set('direct', { url: servers.streamable.url });
  doors.set('/servers/everything/mcp', streamable.own);
  doors.set('/mcp', streamable.aggregate);
  doors.set('/servers/everything-sse/mcp', oldSse.own);
});
afterAll(async () => {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  await topology.stop();
  await sample.remove();
});

type Script = (session: Session) => Promise<unknown>;

interface Seen {
  readonly answers: unknown;
  readonly received: readonly string[];
}

/** Runs the script in a session, and returns the answers and the messages of the server. */
async function run(session: Session, script: Script): Promise<Seen> {
  const before = session.received.length;
  const answers = await script(session);
  const received = session.received.slice(before).filter((message) => !isOfSession(message));
  // Messages of different streams overtake each other.
  return { answers, received: received.map(withoutChance).toSorted() };
}

/**
 * Messages at a time of their own: the server asks for the roots 350 ms after the session began, and logs what it got. It
 * logs a subscription perhaps before the gateway listens. The gateway announces a list when it differs for the client.
 */
const isOfSession = (message: string): boolean =>
  /roots\/list"|Roots updated|list_changed|Received (Subscribe|Unsubscribe)/.test(message);

/** The simulated log has a level that the server throws dice for. */
const withoutChance = (message: string): string =>
  message.replace(
    /"level":"\w+","data":"\w+(-level message| level-message)/,
    '"level":"any","data":"any message',
  );

const doorOf = (name: string): Door => {
  const door = doors.get(name);
  if (!door) throw new Error(`no door ${name}`);
  return door;
};

/** Runs the script in a session of its own. */
async function runAlone(door: string, script: Script): Promise<Seen> {
  const session = await openSession(doorOf(door), everyCapability);
  try {
    return await run(session, script);
  } finally {
    await session.close();
  }
}

const call =
  (name: string, args: Record<string, unknown> = {}): Script =>
  (session) =>
    session.ask('tools/call', { name, arguments: args });
const get =
  (name: string, args: Record<string, unknown>): Script =>
  (session) =>
    session.ask('prompts/get', { name, arguments: args });
const complete =
  (ref: object, name: string, value: string, given?: object): Script =>
  (session) =>
    session.ask('completion/complete', {
      ref,
      argument: { name, value },
      ...(given && { context: { arguments: given } }),
    });

interface Row {
  readonly what: string;
  readonly script: Script;
}

/** What needs one answer, and no message beside it. */
const answers: readonly Row[] = [
  { what: 'text', script: call('echo', { message: 'Grüße\u2028世界 🚀' }) },
  { what: 'an argument that is missing', script: call('echo') },
  { what: 'numbers', script: call('get-sum', { a: 1e21, b: 0.1 }) },
  {
    what: 'annotations and an image',
    script: call('get-annotated-message', { messageType: 'error', includeImage: true }),
  },
  { what: 'an image', script: call('get-tiny-image') },
  { what: 'structured content', script: call('get-structured-content', { location: 'Chicago' }) },
  { what: 'links to resources', script: call('get-resource-links', { count: 3 }) },
  {
    what: 'an embedded resource',
    script: call('get-resource-reference', { resourceType: 'Text', resourceId: 1 }),
  },
  {
    what: 'a compressed resource',
    script: call('gzip-file-as-resource', {
      name: 'a.gz',
      data: 'data:text/plain,hello',
      outputType: 'resource',
    }),
  },
  { what: 'a plain prompt', script: (session) => session.ask('prompts/get', { name: 'simple-prompt' }) },
  { what: 'a prompt with arguments', script: get('args-prompt', { city: 'Aachen', state: 'NRW' }) },
  { what: 'a prompt without its argument', script: get('args-prompt', {}) },
  {
    what: 'a prompt with a resource',
    script: get('resource-prompt', { resourceType: 'Text', resourceId: '2' }),
  },
  {
    what: 'a completion',
    script: complete({ type: 'ref/prompt', name: 'completable-prompt' }, 'department', 'S'),
  },
  {
    what: 'a completion in a context',
    script: complete({ type: 'ref/prompt', name: 'completable-prompt' }, 'name', '', { department: 'Sales' }),
  },
  {
    what: 'a completion of a template',
    script: complete(
      { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' },
      'resourceId',
      '1',
    ),
  },
  {
    what: 'a resource of a template',
    script: (session) => session.ask('resources/read', { uri: 'demo://resource/dynamic/text/7' }),
  },
  {
    what: 'a resource',
    script: (session) =>
      session.ask('resources/read', { uri: 'demo://resource/static/document/features.md' }),
  },
  {
    what: 'a resource that does not exist',
    script: (session) => session.ask('resources/read', { uri: 'demo://nothing' }),
  },
  {
    what: 'progress',
    script: call('trigger-long-running-operation', { duration: 0.3, steps: 3 }),
  },
];

/** What needs a client that can be asked, or a stream beside the call. */
const exchanges: readonly Row[] = [
  {
    what: 'sampling',
    script: call('trigger-sampling-request', { prompt: 'Say something.', maxTokens: 20 }),
  },
  { what: 'elicitation by a form', script: call('trigger-elicitation-request') },
  {
    what: 'elicitation by a URL',
    script: call('trigger-url-elicitation', { url: 'https://example.com/', elicitationId: 'one' }),
  },
  {
    what: 'elicitation by an error',
    script: call('trigger-url-elicitation', {
      url: 'https://example.com/',
      elicitationId: 'two',
      errorPath: true,
    }),
  },
  {
    what: 'roots',
    script: async (session) => {
      // At `/mcp` the gateway opens a session with the server for the first call.
      await session.ask('tools/call', { name: 'echo', arguments: { message: 'open' } });
      await session.receives(/Roots updated/);
      return session.ask('tools/call', { name: 'get-roots-list', arguments: {} });
    },
  },
  {
    what: 'logging',
    script: async (session) => {
      const level = await session.ask('logging/setLevel', { level: 'debug' });
      const toggled = await session.ask('tools/call', { name: 'toggle-simulated-logging', arguments: {} });
      await session.receives(/level message|level-message/);
      return [level, toggled];
    },
  },
  {
    what: 'subscriptions',
    script: async (session) => {
      const uri = 'demo://resource/static/document/features.md';
      const subscribed = await session.ask('resources/subscribe', { uri });
      const toggled = await session.ask('tools/call', { name: 'toggle-subscriber-updates', arguments: {} });
      await session.receives(/notifications\/resources\/updated/);
      return [subscribed, toggled, await session.ask('resources/unsubscribe', { uri })];
    },
  },
  {
    what: 'cancellation, after which the session goes on',
    script: async (session) => {
      const leaving = new AbortController();
      const left = session.ask(
        'tools/call',
        { name: 'trigger-long-running-operation', arguments: { duration: 60, steps: 60 } },
        leaving.signal,
      );
      await session.receives(/notifications\/progress/);
      leaving.abort('enough');
      return [await left, await session.ask('ping')];
    },
  },
];

const lists = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'] as const;

const kinds = [
  { can: 'nothing', capabilities: {} },
  { can: 'everything', capabilities: everyCapability },
];

/** The gateway leaves out tools that run as a task only (docs/mcp.md). */
const isTaskOnly = (item: string): boolean => item.includes('"execution":{"taskSupport":"required"}');

/** Returns the lists of a door. The aggregate endpoint sorts its lists by name. */
async function listsOf(door: Door, capabilities: object): Promise<object> {
  const session = await openSession(door, capabilities);
  const found: [method: string, items: readonly string[]][] = [];
  for (const method of lists) {
    found.push([method, (await session.items(method)).filter((item) => !isTaskOnly(item)).toSorted()]);
  }
  await session.close();
  return found;
}

describe.each(['/servers/everything/mcp', '/servers/everything-sse/mcp', '/mcp'])(
  'the server "everything" at %s is equal to direct',
  (door) => {
    /** Sessions of a client that cannot be asked. They count their requests alike. */
    let direct: Session;
    let behind: Session;
    beforeAll(async () => {
      direct = await openSession(doorOf('direct'));
      behind = await openSession(doorOf(door));
    });
    afterAll(async () => {
      await direct.close();
      await behind.close();
    });

    test.each(kinds)('in its lists, for a client that can do $can', async ({ capabilities }) => {
      // A server of the old transport cannot ask, so it shows what it shows to a client that can do nothing (docs/mcp.md).
      const shown = door.includes('-sse') ? {} : capabilities;
      expect(await listsOf(doorOf(door), capabilities)).toEqual(await listsOf(doorOf('direct'), shown));
    });

    test.each(answers)('$what', async ({ script }) => {
      const expected = await run(direct, script);
      expect(expected.answers).toMatch(/^\{"(result|error)"/);
      expect(await run(behind, script)).toEqual(expected);
    });
  },
);

/** A server of the old transport cannot ask, log or announce beside a call (docs/mcp.md). */
describe.each(['/servers/everything/mcp', '/mcp'])(
  'the server "everything" at %s, with a client that can be asked',
  (door) => {
    test.each(exchanges)('$what', async ({ script }) => {
      const direct = await runAlone('direct', script);
      expect(await runAlone(door, script)).toEqual(direct);
    });
  },
);

/** A duty of a gateway between the protocol eras, with the tests that prove it. */
export interface Topic {
  readonly topic: string;
  /** Parts of test names by file. `bridgingReporter.ts` fails a run in which no passed test has that name. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
  /** Where the gateway does not bridge: the sentence of docs/mcp.md that says so. */
  readonly limit?: string;
}

const wire = 'contract/gatewayWire';
const views = 'contract/gatewayViews';
const eras = 'contract/gatewayEras';
const sessions = 'contract/gatewaySessions';
const upstreams = 'contract/gatewayUpstreams';
const listening = 'contract/gatewayListening';
const questions = 'contract/gatewayQuestions';
const discovery = 'contract/gatewayDiscovery';
const translate = 'unit/gateway/translate';
const era = 'unit/gateway/classify';

export const topics: readonly Topic[] = [
  {
    topic: 'handshake',
    tests: {
      [wire]: ['initialize of %s agrees on %s', 'server/discover tells versions, capabilities'],
      [views]: ['says what the %s server says of itself'],
      [discovery]: ['is $era after $why', 'is not decided by $why', 'is not decided by silence'],
    },
  },
  {
    topic: 'capabilities, up and down',
    tests: {
      [sessions]: ['is refused where the client did not declare that it can'],
      [wire]: ['reaches a modern server as it is, but for tasks', 'is not shown to a legacy server'],
      [upstreams]: ['first calls that come together share one handshake'],
      'unit/gateway/clientFeatures': ['of what a client declares only that which can be carried is kept'],
    },
  },
  {
    topic: 'session ids',
    tests: {
      [sessions]: [
        'is served by an instance that has just started',
        'is nobody else’s, and of no other endpoint',
        'keeps one session with a server, whichever instance calls it',
        'ends when its client says so',
        'means nothing to a request of the modern era, and none is given to it',
      ],
      [upstreams]: ['are one for each user', 'that the server forgot (HTTP %i) are opened again once'],
    },
  },
  {
    topic: 'GET and DELETE',
    tests: {
      [listening]: ['a GET with $headers is a $status', 'of one session only the newest stream is served'],
      [sessions]: ['ends when its client says so'],
    },
  },
  {
    topic: 'ids and progress tokens',
    tests: {
      [wire]: ['gives back the result with every field, under the id of the client'],
      [upstreams]: [
        'and ids never repeat in it',
        'gives JSON that is no JSON-RPC',
        'answers another request',
      ],
      [eras]: ['runs calls side by side without mixing their progress'],
    },
  },
  {
    topic: 'lists and pages',
    tests: {
      [wire]: ['names what a %s client can call, sorted', 'has one page', 'reads every page of the store'],
      [discovery]: ['of all pages are found, with every field'],
    },
  },
  {
    topic: 'freshness and caches',
    tests: {
      [wire]: ['tells modern clients how long to keep it, and legacy clients nothing'],
      [translate]: ['a server of its era says how long', 'another round is not kept'],
      [upstreams]: ['a server that does not answer keeps its tools in the list'],
    },
  },
  {
    topic: 'tools/call and the other requests',
    tests: {
      [views]: ['by its own names at its endpoint', "a vendor's method ${hop}"],
      [wire]: ['carries arguments, foreign parameters and foreign _meta untouched'],
      [eras]: ['calls a tool of the legacy server', 'calls a tool of the modern server'],
    },
  },
  {
    topic: 'progress',
    tests: {
      [eras]: ['hears the progress of $name'],
      [questions]: ['progress beside the stream of the call has the token of the client'],
    },
  },
  {
    topic: 'logging',
    tests: {
      [sessions]: ['hears of what a %s server logs from the level on that it set'],
      [wire]: ['has set no level', 'must get none unasked', 'asked for these'],
    },
  },
  {
    topic: 'cancellation',
    tests: {
      [sessions]: [
        'cancels a request, which then ends, and the server is told',
        'cancels a question of a modern server, and the call ends',
      ],
      'contract/gatewayLeaving': [
        'of the %s era ends the call there',
        '$why ends without an answer, and the server is told',
      ],
      [upstreams]: ['is left alone when the client has gone'],
    },
  },
  { topic: 'ping', tests: { [wire]: ['ping is of the legacy era alone'] } },
  {
    topic: 'elicitation, sampling, roots',
    tests: {
      [sessions]: [
        'is answered to any instance and reaches the call',
        'may take several rounds',
        'is asked through the aggregate endpoint too',
        'is answered by nobody else',
      ],
      [questions]: [
        'a question beside the stream of the call reaches the client',
        'a question beside the stream of the call reaches a 2026 client',
      ],
      'contract/gatewayHeldCalls': [
        'is in the result, and the answers reach the server',
        'is resumed once',
        'asks a 2026 client that can open it',
      ],
      [eras]: ['a modern client answers what a modern server asks', 'told what it lacks to be asked'],
      [upstreams]: ['refuse what the server asks of a client, and answer its ping'],
      [translate]: ['-32042 must not be emitted'],
      'unit/gateway/clientFeatures': ['during $during a client can be asked'],
    },
    limit: 'A 2026 client has 210 seconds to answer a 2025 server.',
  },
  {
    topic: 'changed roots, questions that have ended',
    tests: {
      [sessions]: [
        'tells the servers that know it when its roots have changed',
        'has been answered elsewhere',
      ],
    },
  },
  {
    topic: 'subscriptions to resources',
    tests: {
      [listening]: ['that a legacy client subscribed to tells it', 'is acknowledged first'],
    },
  },
  {
    topic: 'changed lists',
    tests: {
      [listening]: [
        'reaches those who asked for it when the registry has it, and nobody else',
        'a server that is registered or withdrawn changes the aggregate list',
      ],
    },
  },
  {
    topic: 'resumption of streams',
    tests: {
      [listening]: ['no event of a stream has an id'],
      [upstreams]: ['is asked again after its last event, in its session'],
    },
    limit: 'A stream to a client is not resumed.',
  },
  {
    topic: 'a resource that is not there',
    tests: {
      [views]: ['a resource that is not there is told in the code of the client’s era'],
      [translate]: ['-32002 must not be emitted'],
    },
  },
  {
    topic: 'the error -32022 of a server',
    tests: {
      [upstreams]: ['about its era is found anew', 'as one that opens sessions is found anew'],
      [translate]: ['-32020 and -32022 never reach a %s client'],
      [discovery]: ['a version that it names itself, once more'],
    },
  },
  {
    topic: 'the error -32020 of a server',
    tests: {
      [upstreams]: ['about its headers is found anew'],
      [translate]: ['-32020 and -32022 never reach a %s client'],
    },
  },
  {
    topic: 'the error -32021 of a server',
    tests: {
      [upstreams]: ['refuses with -32021: a modern client gets'],
      [translate]: ['declare a capability', 'a missing capability is for the client'],
    },
  },
  {
    topic: 'HTTP statuses',
    tests: {
      [wire]: ['what neither era allows is a 400 with the id', 'a notification is taken with an empty 202'],
      [era]: ['a refusal answers the id it could read, with HTTP 400'],
      [views]: ['has only the methods of its client’s era'],
    },
  },
  {
    topic: 'headers that are checked',
    tests: {
      [era]: ['the version header must agree', 'Mcp-Method must agree', 'Mcp-Name agrees in Base64'],
      [wire]: ['are checked for a %s server before it is called'],
    },
  },
  {
    topic: 'headers that are sent',
    tests: {
      [wire]: [
        'sends its own headers and none of the client',
        'are computed for a modern server, whoever calls',
      ],
      'unit/gateway/parameterHeaders': ['what is mirrored up is what is accepted down'],
    },
  },
  {
    topic: 'tools with parameters in headers',
    tests: { [wire]: ['bad-header', 'names what a %s client can call'] },
  },
  {
    topic: '_meta',
    tests: {
      [wire]: ['says in _meta what the server of this era needs, and only that', 'foreign _meta untouched'],
    },
  },
  {
    topic: 'trace context',
    tests: { [wire]: ['continues the trace of the HTTP request, and that of _meta'] },
  },
  {
    topic: 'tasks',
    tests: {
      [wire]: ['but for tasks, which cannot be asked after yet', 'task-only'],
      [translate]: ['read a task'],
    },
    limit: '**Tasks** are not offered in either era.',
  },
  {
    topic: 'batches',
    tests: { [era]: ['no batches', 'an empty batch'] },
    limit: '**JSON-RPC batches** of 2025-03-26 are refused.',
  },
];

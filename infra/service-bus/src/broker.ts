import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { Connection, EventContext } from 'rhea';
import { type Clock, systemClock } from './clock.ts';
import { type Journal, openJournal } from './journal.ts';
import { serveLinks } from './links.ts';
import type { WireMessage } from './messageCodec.ts';
import { Queue, type QueueSettings } from './queue.ts';
import { createContainer, listenOptions } from './rheaCorners.ts';

export interface BrokerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** A loopback address; 127.0.0.1 by default. */
  readonly host?: string;
  /** By name; the names are not case-sensitive. */
  readonly queues: Readonly<Record<string, QueueSettings>>;
  /** Folder in which the queues are kept, so that they survive the process. Without it they live in memory. */
  readonly dataDir?: string | undefined;
  readonly clock?: Clock;
  /** Gets mistakes of clients, and features that the broker does not have. Writes to stderr by default. */
  readonly report?: (line: string) => void;
}

export interface Broker {
  readonly port: number;
  /** For the Azure SDKs as they are. */
  readonly connectionString: string;
  /** Returns the queue itself, for tests. @throws Error when the name is unknown. */
  queue(name: string): Queue<WireMessage>;
  /** Closes all connections. Without a data folder, the messages are lost. */
  stop(): Promise<void>;
}

function toStderr(line: string): void {
  console.error(`Service Bus broker: ${line}`);
}

const JOURNAL_FILE = 'serviceBus.journal';
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
/** Clients answer a close at once. The broker cuts off a client that does not. */
const CLOSE_WITHIN_MS = 500;

/**
 * Starts a Service Bus for development and tests: queues, in this process. It checks no credentials, so it listens on
 * a loopback address only, and refuses to start where the environment says production.
 */
export async function startBroker({
  port,
  host = '127.0.0.1',
  queues,
  dataDir,
  clock = systemClock,
  report = toStderr,
}: BrokerOptions): Promise<Broker> {
  refuseProduction(process.env);
  if (!LOOPBACK.has(host))
    throw new Error(`the local Service Bus broker listens on this machine only, not on ${host}`);

  const journal = dataDir === undefined ? undefined : await openJournal(join(dataDir, JOURNAL_FILE));
  const opened = openQueues(queues, clock, journal);
  const entities = new Map(opened.map((queue) => [queue.name.toLowerCase(), queue]));
  const container = createContainer((problem) => {
    // A ProtocolError is a mistake of the client. Others may be faults of the broker, so their stack is shown.
    report(problem.name === 'ProtocolError' ? problem.message : (problem.stack ?? problem.message));
  });
  serveLinks(container, { findQueue: (name) => entities.get(name), clock, report });
  const connections = trackConnections(container);
  const server = container.listen({ ...listenOptions, host, port });
  const sockets = trackSockets(server);
  await once(server, 'listening');
  try {
    // Not before the port is ours: another broker that has it may be using the same folder.
    journal?.begin(() => opened.map((queue) => [queue.name.toLowerCase(), queue.state()] as const));
  } catch (error) {
    for (const queue of opened) queue.stop();
    server.close();
    throw error;
  }
  const { port: listeningPort } = server.address() as AddressInfo;

  return {
    port: listeningPort,
    connectionString: connectionStringFor(listeningPort, host),
    queue(name) {
      const queue = entities.get(name.toLowerCase());
      if (!queue) throw new Error(`no queue '${name}'`);
      return queue;
    },
    async stop() {
      for (const queue of opened) queue.stop();
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      for (const connection of connections) {
        connection.close({ condition: 'amqp:connection:forced', description: 'The broker stops.' });
      }
      const cutOff = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, CLOSE_WITHIN_MS);
      await closed;
      clearTimeout(cutOff);
      journal?.close();
    },
  };
}

/** Returns the connection string for the Azure SDKs. They require a key, and the broker does not check it. */
export function connectionStringFor(port: number, host = '127.0.0.1'): string {
  const endpoint = host.includes(':') ? `[${host}]` : host;
  const key = 'SharedAccessKeyName=local;SharedAccessKey=local';
  return `Endpoint=sb://${endpoint}:${port};${key};UseDevelopmentEmulator=true`;
}

/** @throws Error when a variable says that this is production, in any case of letters. */
function refuseProduction(env: NodeJS.ProcessEnv): void {
  for (const name of ['NODE_ENV', 'AZURE_FUNCTIONS_ENVIRONMENT']) {
    if (env[name]?.trim().toLowerCase() === 'production') {
      throw new Error(`the local Service Bus broker does not run where ${name} is ${env[name]}`);
    }
  }
}

/** Opens the queues, each with its dead-letter queue. With a journal they hold what it has kept. */
function openQueues(
  queues: BrokerOptions['queues'],
  clock: Clock,
  journal: Journal | undefined,
): readonly Queue<WireMessage>[] {
  const open = (name: string, settings: QueueSettings, deadLetters?: Queue<WireMessage>) => {
    const key = name.toLowerCase();
    const queue = new Queue(name, settings, clock, deadLetters, journal?.logFor(key));
    const state = journal?.states.get(key);
    if (state) queue.restore(state);
    return queue;
  };
  return Object.entries(queues).flatMap(([name, settings]) => {
    const deadLetters = open(`${name}/$DeadLetterQueue`, settings);
    return [deadLetters, open(name, settings, deadLetters)];
  });
}

function trackConnections(container: NodeJS.EventEmitter): ReadonlySet<Connection> {
  const connections = new Set<Connection>();
  container.on('connection_open', ({ connection }: EventContext) => connections.add(connection));
  for (const event of ['connection_close', 'disconnected']) {
    container.on(event, ({ connection }: EventContext) => connections.delete(connection));
  }
  return connections;
}

function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Connection, EventContext } from 'rhea';
import { systemClock, type Clock } from './clock.ts';
import { connectionStringFor } from './connectionString.ts';
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
  readonly clock?: Clock;
  /** Hears of what clients did wrong, or wanted and the broker lacks; writes to stderr by default. */
  readonly report?: (line: string) => void;
}

export interface Broker {
  readonly port: number;
  /** For the Azure SDKs as they are. */
  readonly connectionString: string;
  /** The queue itself, to be looked into by tests. @throws when there is no queue of this name. */
  queue(name: string): Queue<WireMessage>;
  /** Closes all connections; what the queues hold is gone. */
  stop(): Promise<void>;
}

function toStderr(line: string): void {
  console.error(`Service Bus broker: ${line}`);
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
/** Clients answer a close at once; one that does not is cut off. */
const CLOSE_WITHIN_MS = 500;

/**
 * Starts a Service Bus that lives in this process's memory: queues, for development and tests. It checks no
 * credentials, hence listens on a loopback address only and not at all where the environment says production.
 */
export async function startBroker({
  port,
  host = '127.0.0.1',
  queues,
  clock = systemClock,
  report = toStderr,
}: BrokerOptions): Promise<Broker> {
  refuseProduction(process.env);
  if (!LOOPBACK.has(host))
    throw new Error(`the local Service Bus broker listens on this machine only, not on ${host}`);

  const entities = new Map(
    Object.entries(queues).map(([name, settings]) => [name.toLowerCase(), openQueue(name, settings, clock)]),
  );
  const container = createContainer((problem) => {
    // What is no AMQP is the client's mistake; anything else may be the broker's.
    report(problem.name === 'ProtocolError' ? problem.message : (problem.stack ?? problem.message));
  });
  serveLinks(container, { findQueue: (name) => entities.get(name), clock, report });
  const connections = trackConnections(container);
  const server = container.listen({ ...listenOptions, host, port });
  const sockets = trackSockets(server);
  await once(server, 'listening');
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
      for (const queue of entities.values()) queue.stop();
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
    },
  };
}

/** @throws when a setting says that this is production, however it is written. */
function refuseProduction(env: NodeJS.ProcessEnv): void {
  for (const name of ['NODE_ENV', 'AZURE_FUNCTIONS_ENVIRONMENT']) {
    if (env[name]?.trim().toLowerCase() === 'production') {
      throw new Error(`the local Service Bus broker does not run where ${name} is ${env[name]}`);
    }
  }
}

function openQueue(name: string, settings: QueueSettings, clock: Clock): Queue<WireMessage> {
  const deadLetters = new Queue<WireMessage>(`${name}/$DeadLetterQueue`, settings, clock);
  return new Queue(name, settings, clock, deadLetters);
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

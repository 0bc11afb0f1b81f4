import { parseArgs } from 'node:util';
import { startBroker } from '@mcp-registry-gateway/service-bus';
import topology from '../topology.json' with { type: 'json' };
import { runChild } from './childProcess.ts';

const DEFAULT_PORT = 5672;

/** Runs the Service Bus broker with the queues of `infra/topology.json`. */
await runChild('Service Bus broker', async () => {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: String(DEFAULT_PORT) }, data: { type: 'string' } },
  });
  const names = [...topology.agents, ...topology.queues].map(({ name }) => name);
  const broker = await startBroker({
    port: parsePort(values.port),
    queues: Object.fromEntries(names.map((name) => [name, topology.queueSettings])),
    dataDir: values.data,
  });
  const line = `Service Bus broker on 127.0.0.1:${broker.port}, queues: ${names.join(', ')}`;
  const alone = process.send === undefined;
  return {
    line: alone ? `${line}. Connection string: ${broker.connectionString}` : line,
    stop: () => broker.stop(),
  };
});

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${text} is not a port`);
  return port;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ServiceBusClient } from '@azure/service-bus';
import { connectionStringFor } from '@mcp-registry-gateway/service-bus';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const example = join(import.meta.dirname, '../../docs/examples/externalAgent.mjs');

let topology: TestTopology;
let operator: Api;
let client: ServiceBusClient;
let model: Server;
/** What the model does with the next question; by default it says the task back. */
let answer: (question: { task: string; input: unknown }, response: ServerResponse) => void;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  topology = await startTestTopology({ settings: { MREG_EXTERNAL_AGENTS: 'mcp-debugger' } });
  operator = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
  client = new ServiceBusClient(connectionStringFor(topology.ports.serviceBus));
  model = createServer((request, response) => void ask(request, response));
  await once(model.listen(0, '127.0.0.1'), 'listening');
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map(kill));
});
afterAll(async () => {
  model.close();
  await client.close();
  await topology.stop();
});

async function ask(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  answer(JSON.parse(Buffer.concat(parts).toString()) as Parameters<typeof answer>[0], response);
}
const sayBack: typeof answer = (question, response) => response.end(JSON.stringify({ heard: question }));

/** The worker of the documentation, ready for work. */
async function startWorker(): Promise<ChildProcess> {
  const { port } = model.address() as AddressInfo;
  const worker = spawn(process.execPath, [example], {
    env: {
      SERVICE_BUS: connectionStringFor(topology.ports.serviceBus),
      MODEL_URL: `http://127.0.0.1:${String(port)}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  workers.push(worker);
  await once(worker.stdout, 'data');
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const gone = once(worker, 'exit');
  worker.kill('SIGKILL');
  await gone;
}

const delegate = async (task: string, input: unknown = {}) =>
  (await operator.post('/delegations', { agent: 'mcp-debugger', task, input })).body['href'] as string;
const read = async (href: string, wait = 20) => (await operator.get(`${href}?wait=${String(wait)}`)).body;

test('a worker does what the catalogue does not know, and its result is the delegation’s', async () => {
  answer = sayBack;
  await startWorker();
  const href = await delegate('explain_outage', { since: 'noon' });
  expect(await read(href)).toMatchObject({
    agent: 'mcp-debugger',
    task: 'explain_outage',
    state: 'succeeded',
    attempts: 1,
    result: { heard: { task: 'explain_outage', input: { since: 'noon' } } },
  });
});

test('what a worker cannot do fails with its words', async () => {
  answer = (_, response) => response.writeHead(500).end();
  await startWorker();
  expect(await read(await delegate('explain_outage'))).toMatchObject({
    state: 'failed',
    error: { kind: 'unavailable', message: 'the model answered 500' },
  });
});

test('the work of a worker that is killed at it is done by the next one', { timeout: 90_000 }, async () => {
  const asked = new Promise<void>((resolve) => {
    answer = () => {
      resolve();
    };
  });
  const first = await startWorker();
  const href = await delegate('explain_outage');
  await asked;
  await expect.poll(async () => (await read(href, 0))['state']).toBe('running');
  await kill(first);
  answer = sayBack;
  await startWorker();
  // The lock of the first worker has to end.
  await expect.poll(async () => (await read(href))['state'], { timeout: 60_000 }).toBe('succeeded');
});

test('nobody but a worker takes its work, and only an external agent’s work is ended by a report', async () => {
  const href = await delegate('explain_outage');
  const created = await operator.post('/delegations', {
    agent: 'fastmcp-specialist',
    task: 'validate_server_config',
    input: { url: 'http://127.0.0.1:9/mcp' },
  });
  const report = (delegationHref: string) => ({
    schemaVersion: 1,
    delegationId: delegationHref.replace('/delegations/', ''),
    tenantId: defaultTenant,
    attempt: 1,
    report: { kind: 'ended', outcome: { success: true, result: 'forged' } },
  });
  const sender = client.createSender('agent-reports');
  const inside = created.body['href'] as string;
  await sender.sendMessages({ body: report(inside) });
  expect(await read(inside)).toMatchObject({ state: 'failed' });

  expect(await read(href, 0)).toMatchObject({ state: 'queued', attempts: 0 });
  await sender.sendMessages({ body: report(href) });
  expect(await read(href)).toMatchObject({ state: 'succeeded', result: 'forged' });
});

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ServiceBusClient } from '@azure/service-bus';
import { connectionStringFor } from '@mcp-registry-gateway/service-bus';
import { afterEach, beforeEach, expect, test } from 'vitest';
import topology from '../../infra/topology.json' with { type: 'json' };

const MAIN = fileURLToPath(new URL('../../infra/local/serviceBus.ts', import.meta.url));

let child: ChildProcess;
let stdout: string;
beforeEach(async () => {
  child = fork(MAIN, ['--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'] },
  });
  stdout = '';
  child.stdout?.on('data', (text: Buffer) => (stdout += text.toString()));
  const [ready] = (await once(child, 'message')) as [unknown];
  expect(ready).toEqual({ type: 'ready' });
});
afterEach(() => child.kill('SIGKILL'));

test('the broker of npm start says in one line that it is ready and names the queues of the topology', async () => {
  for (const { name } of [...topology.agents, ...topology.queues]) expect(stdout).toContain(name);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('its queues have the settings of the topology', async () => {
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(stdout)?.[1]);
  const client = new ServiceBusClient(connectionStringFor(port));
  const [agent] = topology.agents;
  if (!agent) throw new Error('no agent');
  const sender = client.createSender(agent.name);
  await sender.sendMessages({ messageId: 'same', body: 1 });
  await sender.sendMessages({ messageId: 'same', body: 1 });
  const receiver = client.createReceiver(agent.name);
  const [received] = await receiver.receiveMessages(1);
  const lockMs = Number(received?.lockedUntilUtc) - Date.now();
  expect(Math.abs(lockMs - topology.queueSettings.lockDurationSeconds * 1000)).toBeLessThan(3_000);
  expect(received?.timeToLive).toBe(topology.queueSettings.defaultTimeToLiveSeconds * 1000);
  expect(await receiver.peekMessages(5)).toHaveLength(1);
  await client.close();
});

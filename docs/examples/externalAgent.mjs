// A worker that takes an agent's place: it asks a model over HTTP, and reports what the model answers.
// docs/external-agents.md has the contract. SERVICE_BUS is a connection string, or the host name of a namespace.
import { DefaultAzureCredential } from '@azure/identity';
import { ServiceBusClient } from '@azure/service-bus';

const { SERVICE_BUS, AGENT = 'mcp-debugger', MODEL_URL } = process.env;
const LEASE_SECONDS = 60;

const client = SERVICE_BUS.startsWith('Endpoint=')
  ? new ServiceBusClient(SERVICE_BUS)
  : new ServiceBusClient(SERVICE_BUS, new DefaultAzureCredential());
const reports = client.createSender('agent-reports');

async function work({ taskType, input, deadline }) {
  const response = await fetch(MODEL_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ task: taskType, input }),
    signal: AbortSignal.timeout(Math.max(0, new Date(deadline) - Date.now())),
  });
  if (!response.ok) throw new Error(`the model answered ${response.status}`);
  return response.json();
}

async function processMessage({ body: message }) {
  if (message.schemaVersion !== 1) throw new Error('not a delegation message of version 1');
  const { delegationId, tenantId, attempt } = message;
  const report = (report) =>
    reports.sendMessages({ body: { schemaVersion: 1, delegationId, tenantId, attempt, report } });
  const claim = () => report({ kind: 'started', leaseSeconds: LEASE_SECONDS });

  await claim();
  const renewal = setInterval(() => claim().catch(console.error), (LEASE_SECONDS * 1000) / 2);
  const outcome = await work(message)
    .then((result) => ({ success: true, result }))
    .catch((error) => ({ success: false, error: { kind: 'unavailable', message: error.message } }))
    .finally(() => clearInterval(renewal));
  await report({ kind: 'ended', outcome });
  // Returning completes the message; had anything above thrown, it would come again.
}

client.createReceiver(AGENT, { maxAutoLockRenewalDurationInMs: 3_600_000 }).subscribe({
  processMessage,
  processError: async ({ error }) => console.error(error.message),
});
console.log(`working for ${AGENT}`);
process.on('SIGTERM', () => client.close());

import { ServiceBusClient } from '@azure/service-bus';
import { connectionStringFor } from '../../infra/service-bus/src/broker.ts';
import type { Outcome } from '../../shared/orchestration/model/delegation.ts';

interface Work {
  readonly delegationId: string;
  readonly tenantId: string;
  readonly attempt: number;
  readonly taskType: string;
}

export interface StandInAgents {
  close(): Promise<void>;
}

/**
 * Workers for agents that the apps leave to others (`MREG_EXTERNAL_AGENTS`). `answer` says what comes of a task; undefined:
 * nothing.
 */
export function standInAgents(
  serviceBusPort: number,
  agents: readonly string[],
  answer: (task: string) => Outcome | undefined,
): StandInAgents {
  const client = new ServiceBusClient(connectionStringFor(serviceBusPort));
  const reports = client.createSender('agent-reports');
  for (const agent of agents) {
    client.createReceiver(agent).subscribe({
      async processMessage({ body }) {
        const { delegationId, tenantId, attempt, taskType } = body as Work;
        const outcome = answer(taskType);
        if (!outcome) return;
        const report = { kind: 'ended', outcome };
        await reports.sendMessages({ body: { schemaVersion: 1, delegationId, tenantId, attempt, report } });
      },
      // The broker is stopped by tests.
      processError: () => Promise.resolve(),
    });
  }
  return { close: () => client.close() };
}

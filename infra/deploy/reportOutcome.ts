import { setTimeout as sleep } from 'node:timers/promises';
import { gatewayClient } from './gatewayClient.ts';
import type { DeploymentRun } from './steps.ts';

const ATTEMPTS = 3;
/** A gateway that was just restored may still start. */
const ATTEMPT_EVERY_MS = 5_000;

/**
 * Raises `deployment_status` at the gateway that runs now. The request and what the agents find are in its audit trail. A gateway
 * that cannot be told does not change the outcome of the deployment.
 */
export async function reportOutcome(
  { target, record }: Pick<DeploymentRun, 'target' | 'record'>,
  print: (line: string) => void,
  attemptEveryMs = ATTEMPT_EVERY_MS,
): Promise<void> {
  const { id, environment, outcome, build, step } = record();
  const detail = { deployment: id, environment, outcome, build, step };
  for (let attempt = 1; ; attempt++) {
    try {
      const gateway = await target.gateway();
      if (!gateway) return;
      // Not the signal of the deployment: an interrupted one is reported too.
      const client = gatewayClient(gateway, new AbortController().signal);
      await client.raiseEvent('deployment_status', detail, `deployment-${id}`);
      print('      reported to the gateway: the event deployment_status, and its audit trail');
      return;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (attempt === ATTEMPTS) {
        print(`      NOT reported to the gateway: ${reason}`);
        return;
      }
      await sleep(attemptEveryMs);
    }
  }
}

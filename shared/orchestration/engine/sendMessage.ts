import { InfrastructureError } from '../../platform/base/errors.ts';
import type { OrchestrationDeps } from './deps.ts';
import { type Delegation, logFieldsOf } from '../model/delegation.ts';
import { messageOf } from '../model/delegationMessage.ts';

/**
 * Stores a delegation, and sends its message when its tenant's share of the queue has room, if it has not ended as it was made.
 * False when it was there already: nothing is sent.
 */
export async function sendNew(delegation: Delegation, deps: OrchestrationDeps): Promise<boolean> {
  if ((await deps.delegations.add(delegation)) === 'exists') return false;
  if (!delegation.outcome) await deps.queueShares.send(delegation);
  return true;
}

/** Sends the delegation's message, to be delivered at `sentAt`. An outage is not the caller's to bear: the row is there, and the sweeper sends again. */
export async function sendMessage(
  delegation: Delegation,
  { sender, log, clock }: Pick<OrchestrationDeps, 'sender' | 'log' | 'clock'>,
): Promise<void> {
  const { id, agent, attempt } = delegation;
  const sentAt = new Date(delegation.sentAt);
  try {
    await sender.send(agent, {
      messageId: `${id}:${attempt}`,
      body: messageOf(delegation),
      ...(sentAt > clock.now() && { notBefore: sentAt }),
    });
    log.info('delegation_sent', logFieldsOf(delegation));
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    log.error('delegation_unsent', logFieldsOf(delegation), error);
  }
}

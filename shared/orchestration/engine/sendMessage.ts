import { InfrastructureError } from '../../platform/base/errors.ts';
import { type Delegation, logFieldsOf } from '../model/delegation.ts';
import { messageOf } from '../model/delegationMessage.ts';
import type { OrchestrationDeps } from './deps.ts';

/**
 * Stores a delegation and dispatches it, unless it failed as it was created. Returns false when it exists already: nothing is
 * sent then.
 */
export async function submitDelegation(delegation: Delegation, deps: OrchestrationDeps): Promise<boolean> {
  if ((await deps.delegations.add(delegation)) === 'exists') return false;
  if (!delegation.outcome) await deps.dispatcher.dispatch(delegation);
  return true;
}

/** Sends the delegation's message, to be delivered at `sentAt`. In an outage it logs and returns: the sweeper sends the message later. */
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
    log.error('delegation_send_failed', logFieldsOf(delegation), error);
  }
}

import type { Agent } from '../../orchestration/model/agents.ts';
import type { Delegation } from '../../orchestration/model/delegation.ts';
import type { App } from '../../platform/config/config.ts';
import type { Finding } from '../finding.ts';

/** One way of the round trip, as its row has it. */
export interface Leg {
  readonly step: 'there' | 'back';
  readonly agent: Agent;
  readonly app: App;
  /** Absent: it was never sent. */
  readonly delegation: Delegation | undefined;
}

interface Seen {
  readonly withinMs: number;
  /** Whether the mark of the other app is in the state of this one; undefined where that could not be read. */
  readonly isMarked: boolean | undefined;
}

/** What is wrong with the way between the apps: of the first leg that did not end well, and of the mark. */
export function judgeRoundTrip(legs: readonly Leg[], { withinMs, isMarked }: Seen): readonly Finding[] {
  const broken = legs.find(({ delegation }) => delegation?.state !== 'succeeded');
  return [...(broken ? [brokenLeg(broken, withinMs)] : []), ...(isMarked === false ? [stateApart] : [])];
}

function brokenLeg({ step, agent, app, delegation }: Leg, withinMs: number): Finding {
  const evidence = { step, agent, app, withinMs, attempts: delegation?.attempts ?? 0 };
  const finding = (rule: string, what: string, remedy: string): Finding => ({
    rule,
    severity: 'critical',
    message: `on the way ${step}, ${what}`,
    evidence: { ...evidence, state: delegation?.state ?? 'not sent' },
    remedy,
  });
  if (!delegation)
    return finding(
      'plan_not_advanced',
      `nothing was sent to ${agent} although the step before it has ended: the mcp app does not move plans on`,
      'Look at the log of the mcp app for plan and tables: it may not write the table plans.',
    );
  const { outcome, attempts, state } = delegation;
  if (outcome && !outcome.success && outcome.error.kind !== 'timeout' && outcome.error.kind !== 'cancelled')
    return finding(
      'probe_failed',
      `${agent} took the probe and failed: ${outcome.error.kind}`,
      `Look at the log of the ${app} app under the delegation ${delegation.id}.`,
    );
  if (attempts === 0 && step === 'back')
    return finding(
      'message_not_taken',
      `the message for ${agent} was not taken within ${withinMs} ms: the mcp app could not send it, or nothing receives from that queue`,
      'Look for delegation_unsent in the log of the mcp app: its identity needs the role Azure Service Bus Data Sender. If it is not there, look at the trigger of the management app.',
    );
  if (attempts === 0)
    return finding(
      'message_not_taken',
      `the message for ${agent} was not taken within ${withinMs} ms: nothing receives from its queue`,
      `See that the ${app} app runs, that its function agent-${agent} is enabled and that MREG_SERVICE_BUS of both apps names the same namespace; then look at the dead letters of that queue.`,
    );
  if (state === 'queued')
    return finding(
      'probe_tried_again',
      `${agent} took the probe ${attempts} times and met a fault of the system each time`,
      `Look at the log of the ${app} app for delegation_failed: a part that it stands on does not answer there.`,
    );
  return finding(
    'probe_hangs',
    `${agent} took the probe and has not ended it within ${withinMs} ms`,
    `Look at the load of the ${app} app: its event loop or one of its stores is held up.`,
  );
}

const stateApart: Finding = {
  rule: 'state_not_shared',
  severity: 'critical',
  message:
    'what the mcp app wrote to its short-lived state is not in that of the management app: the apps do not share it',
  evidence: { wrote: 'mcp', read: 'management' },
  remedy: 'Give both apps the same MREG_REDIS_URL, or both none: sessions and limits hold in one app only.',
};

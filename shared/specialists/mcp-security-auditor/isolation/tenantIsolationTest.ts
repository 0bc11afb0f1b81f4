import { z } from 'zod';
import type { Session } from '../../../identity/sessions/sessionStore.ts';
import { type Task, type TaskHelpers, defineTask } from '../../../orchestration/tasks/task.ts';
import { succeed } from '../../../platform/base/result.ts';
import { type Finding, verdict, verdictSchema } from '../../finding.ts';
import { withinTime } from '../../withTimeout.ts';
import { readRecords } from '../../readRecords.ts';
import { type Attempt, storeAttempts } from './attempts.ts';
import { gatewayAttempts } from './gatewayAttempts.ts';
import { askOverHttp } from './httpAttempts.ts';
import {
  type IsolationDeps,
  type StrangersRecords,
  removeRecords,
  storeRecords,
  strangersRecords,
} from './foreignRecords.ts';

const STEP_WITHIN_MS = 15_000;
const TRAIL_SAMPLE = 200;

/** Makes records of a tenant that there is not and tries to get at them as the caller's tenant, in every way that there is. */
export const tenantIsolationTest = (deps: IsolationDeps): Task =>
  defineTask({
    name: 'tenant_isolation_test',
    permissions: ['delegations.read'],
    agent: 'mcp-security-auditor',
    description:
      "Makes a server, a toolset, a delegation, a plan and sessions of a made-up tenant, tries to read each as the caller's tenant by the stores, the MCP endpoints and, with the session's token if it is kept, over HTTP, and removes them again. Passes when only the made-up tenant itself gets at them.",
    timeoutMs: 60_000,
    input: z.strictObject({}),
    output: verdictSchema,
    async run(_, helpers) {
      const records = strangersRecords(helpers.delegationId, deps.clock.now());
      let session: Session | undefined;
      const findings: Finding[] = [];
      const evidence: Record<string, unknown> = { madeUpTenant: records.principal.tenantId };
      try {
        const stored = await withinTime(STEP_WITHIN_MS, helpers.signal, () => storeRecords(records, deps));
        session = stored.ok ? stored.value : undefined;
        const tried = session === undefined ? undefined : await tryAll(records, session, helpers, deps);
        findings.push(...(tried?.findings ?? []));
        if (!stored.ok) findings.push(untried('stores and MCP endpoints', stored.error.message));
        Object.assign(evidence, tried?.evidence);
      } finally {
        const left = await removeRecords(records, session, deps);
        if (left.length > 0) findings.push(leftBehind(left, records));
      }
      return succeed(verdict(findings, evidence));
    },
  });

async function tryAll(
  records: StrangersRecords,
  session: Session,
  helpers: TaskHelpers,
  deps: IsolationDeps,
): Promise<{ readonly findings: readonly Finding[]; readonly evidence: Readonly<Record<string, unknown>> }> {
  const { tenantId, signal } = helpers;
  const [attempts, token] = await Promise.all([
    withinTime(STEP_WITHIN_MS, signal, async (own) => [
      ...storeAttempts(records, session, deps),
      ...(await gatewayAttempts(records, deps, own)),
    ]),
    helpers.token(),
  ]);
  if (!attempts.ok)
    return { findings: [untried('stores and MCP endpoints', attempts.error.message)], evidence: {} };
  const [tried, trail, http] = await Promise.all([
    withinTime(STEP_WITHIN_MS, signal, () =>
      Promise.all(attempts.value.map((attempt) => tryOne(attempt, records.principal.tenantId, tenantId))),
    ),
    withinTime(STEP_WITHIN_MS, signal, (own) =>
      readRecords(deps.trail, tenantId, {}, { limit: TRAIL_SAMPLE, signal: own }),
    ),
    token === undefined ? undefined : askOverHttp(records, session, token, helpers, deps),
  ]);
  const foreign = trail.ok ? trail.value.records.filter((record) => record.tenantId !== tenantId) : [];
  return {
    findings: [
      ...(tried.ok ? tried.value.flat() : [untried('stores and MCP endpoints', tried.error.message)]),
      ...(trail.ok ? [] : [untried('audit trail', trail.error.message)]),
      ...(foreign.length > 0 ? [leak('record of the audit trail', 'store')] : []),
      ...(http ? [...http.leaks.map((what) => leak(what, 'http')), ...http.findings] : [notKept]),
    ],
    evidence: {
      attempts: Object.fromEntries(
        [...Map.groupBy(attempts.value, ({ by }) => by)].map(([by, group]) => [
          by,
          group.map(({ what }) => what),
        ]),
      ),
      trailRecords: trail.ok ? trail.value.records.length : 0,
      askedOverHttp: http?.asked ?? 0,
      ...(http && http.closed.length > 0 && { closedToCallersRoles: http.closed }),
    },
  };
}

async function tryOne({ what, by, reaches }: Attempt, stranger: string, caller: string): Promise<Finding[]> {
  const [own, others] = await Promise.all([reaches(stranger), reaches(caller)]);
  if (others) return [leak(what, by)];
  return own ? [] : [provesNothing(what, by)];
}

const leak = (what: string, by: Attempt['by']): Finding => ({
  rule: 'tenant_leak',
  severity: 'critical',
  message: `the caller's tenant gets at another tenant's data: ${what}, by ${words[by]}`,
  evidence: { what, by },
  remedy:
    'Take the app out of service until this read takes the tenant from the verified token alone and looks nowhere else.',
});
const words = { store: 'the store', gateway: 'the MCP endpoints', http: 'HTTP' } as const;

const provesNothing = (what: string, by: Attempt['by']): Finding => ({
  rule: 'attempt_without_control',
  severity: 'critical',
  message: `not even its own tenant gets at it, so that nothing is shown: ${what}, by ${words[by]}`,
  evidence: { what, by },
  remedy: 'Look at the store: what was written there is not found again.',
});

const untried = (what: string, reason: string): Finding => ({
  rule: 'not_tried',
  severity: 'critical',
  message: `the ${what} were not tried: ${reason}`,
  evidence: { what, reason },
  remedy: 'Look at the storage account and the state store of the gateway, then run the check again.',
});

const leftBehind = (kinds: readonly string[], { principal, mark }: StrangersRecords): Finding => ({
  rule: 'left_behind',
  severity: 'warning',
  message: `records of the made-up tenant could not be removed: ${kinds.join(', ')}`,
  evidence: { kinds, tenant: principal.tenantId, mark },
  remedy: 'Remove the rows of that tenant from the tables; they are of no use to anybody.',
});

const notKept: Finding = {
  rule: 'token_not_kept',
  severity: 'info',
  message: 'nothing was tried over HTTP: there is no session that keeps its token',
  evidence: {},
  remedy: 'Open a session with {"keepToken": true} and name it, to have the apps asked too.',
};

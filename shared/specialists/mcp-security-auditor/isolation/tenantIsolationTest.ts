import type { Session } from '../../../identity/sessions/sessionStore.ts';
import type { Task, TaskHelpers } from '../../../orchestration/tasks/task.ts';
import { tokenNotKept } from '../../checkEndpoints.ts';
import { defineFindings, type Finding } from '../../finding.ts';
import { type Inspection, inspectionsOf } from '../../inspection.ts';
import { readRecords } from '../../readRecords.ts';
import { withTimeout } from '../../withTimeout.ts';
import { type Attempt, gatewayAttempts, httpAttempts, storeAttempts } from './attempts.ts';
import {
  type ForeignRecords,
  type IsolationDeps,
  makeForeignRecords,
  removeRecords,
  storeRecords,
} from './foreignRecords.ts';

const STEP_WITHIN_MS = 15_000;
const TRAIL_SAMPLE = 200;

const CONTEXT = { store: 'the store', gateway: 'the MCP endpoints', http: 'HTTP' } as const;

const finding = defineFindings({
  tenant_leak: ({ what, by }: Reached) => ({
    severity: 'critical',
    message: `the caller's tenant can read data of another tenant: ${what}, by ${CONTEXT[by]}`,
    remedy: 'Take the app out of service until this read uses only the tenant of the verified token.',
  }),
  attempt_without_control: ({ what, by }: Reached) => ({
    severity: 'critical',
    message: `the record's own tenant cannot read it either, so the test proves nothing: ${what}, by ${CONTEXT[by]}`,
    remedy: 'Check the store: it does not return what was written.',
  }),
  not_tried: ({ what, reason }: { what: string; reason: string }) => ({
    severity: 'critical',
    message: `the ${what} were not tested: ${reason}`,
    remedy: 'Check the storage account and the state store of the gateway, then run the check again.',
  }),
  not_asked_over_http: ({ what, status, reason }: HttpUnknown) => ({
    severity: 'warning',
    message: `it is not known whether the ${what} can be read over HTTP: ${status === undefined ? reason : `status ${status}`}`,
    evidence: { what, status: status ?? null },
    remedy: 'Check that both apps run and that the session has not ended, then run the check again.',
  }),
  left_behind: ({ kinds, ...facts }: { kinds: readonly string[]; tenant: string; mark: string }) => ({
    severity: 'warning',
    message: `records of the made-up tenant could not be removed: ${kinds.join(', ')}`,
    evidence: { kinds, ...facts },
    remedy: 'Remove the rows of this tenant from the tables: nobody needs them.',
  }),
});
interface Reached {
  readonly what: string;
  readonly by: Attempt['by'];
}
interface HttpUnknown {
  readonly what: string;
  readonly status?: number | undefined;
  readonly reason: string;
}

const { gateCheck } = inspectionsOf('mcp-security-auditor');

/** Makes records of a made-up tenant, and tries to read them as the caller's tenant in every known way. */
export const tenantIsolationTest = (deps: IsolationDeps): Task =>
  gateCheck({
    name: 'tenant_isolation_test',
    permissions: ['delegations.read'],
    description:
      "Makes a server, a toolset, a delegation, a plan and sessions of a made-up tenant, tries to read each as the caller's tenant by the stores, the MCP endpoints and, if the session keeps its token, over HTTP, and removes them again. Passes when only the made-up tenant itself can read them.",
    timeoutMs: 60_000,
    async inspect(_, helpers) {
      const records = makeForeignRecords(helpers.delegationId, deps.clock.now());
      let session: Session | undefined;
      const findings: Finding[] = [];
      const evidence: Record<string, unknown> = { madeUpTenant: records.actor.tenantId };
      try {
        const stored = await withTimeout(STEP_WITHIN_MS, helpers.signal, () => storeRecords(records, deps));
        session = stored.ok ? stored.value : undefined;
        const tried = session === undefined ? undefined : await tryAll(records, session, helpers, deps);
        findings.push(...(tried?.findings ?? []));
        if (!stored.ok) findings.push(untested(stored.error.message));
        Object.assign(evidence, tried?.facts);
      } finally {
        const left = await removeRecords(records, session, deps);
        if (left.length > 0)
          findings.push(
            finding('left_behind', { kinds: left, tenant: records.actor.tenantId, mark: records.mark }),
          );
      }
      return { findings, facts: evidence };
    },
  });

async function tryAll(
  records: ForeignRecords,
  session: Session,
  helpers: TaskHelpers,
  deps: IsolationDeps,
): Promise<Inspection> {
  const { tenantId, signal } = helpers;
  const [attempts, token] = await Promise.all([
    withTimeout(STEP_WITHIN_MS, signal, async (own) => [
      ...storeAttempts(records, session, deps),
      ...(await gatewayAttempts(records, deps, own)),
    ]),
    helpers.token(),
  ]);
  if (!attempts.ok) return { findings: [untested(attempts.error.message)], facts: {} };
  const [tried, trail, http] = await Promise.all([
    withTimeout(STEP_WITHIN_MS, signal, () =>
      Promise.all(attempts.value.map((attempt) => tryOne(attempt, records.actor.tenantId, tenantId))),
    ),
    withTimeout(STEP_WITHIN_MS, signal, (own) =>
      readRecords(deps.trail, tenantId, {}, { limit: TRAIL_SAMPLE, signal: own }),
    ),
    token === undefined ? undefined : httpAttempts(records, session, token, helpers, deps),
  ]);
  const foreign = trail.ok ? trail.value.records.filter((record) => record.tenantId !== tenantId) : [];
  return {
    findings: [
      ...(tried.ok ? tried.value.flat() : [untested(tried.error.message)]),
      ...(trail.ok
        ? []
        : [finding('not_tried', { what: 'records of the audit trail', reason: trail.error.message })]),
      ...(foreign.length > 0
        ? [finding('tenant_leak', { what: 'record of the audit trail', by: 'store' })]
        : []),
      ...(http
        ? [
            ...http.leaks.map((what) => finding('tenant_leak', { what, by: 'http' })),
            ...http.unknown.map((answer) => finding('not_asked_over_http', answer)),
          ]
        : [tokenNotKept('access over HTTP')]),
    ],
    facts: {
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

async function tryOne({ what, by, reaches }: Attempt, owner: string, caller: string): Promise<Finding[]> {
  const [own, others] = await Promise.all([reaches(owner), reaches(caller)]);
  if (others) return [finding('tenant_leak', { what, by })];
  return own ? [] : [finding('attempt_without_control', { what, by })];
}

const untested = (reason: string): Finding =>
  finding('not_tried', { what: 'stores and MCP endpoints', reason });

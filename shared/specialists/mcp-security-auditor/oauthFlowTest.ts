import { z } from 'zod';
import { LATEST_LEGACY } from '../../gateway/protocol/versions.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { type Finding, verdict, verdictSchema } from '../finding.ts';
import {
  type FlowDeps,
  type Step,
  call,
  challengeStep,
  metadataStep,
  say,
  unreachable,
} from './flowSteps.ts';
import { lookAtTenant } from './identityProvider.ts';

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: LATEST_LEGACY,
    capabilities: {},
    clientInfo: { name: 'mcp-security-auditor', version: '1' },
  },
});

/** Walks the way of a client that knows nothing but the URL of the MCP endpoint, to its first answer. */
export const oauthFlowTest = (deps: FlowDeps): Task =>
  defineTask({
    name: 'oauth_flow_end_to_end_test',
    permissions: ['delegations.read'],
    agent: 'mcp-security-auditor',
    description:
      "Walks the way of a client over HTTP: the 401 with its challenge, the protected resource metadata, the issuer's metadata and keys, and with the session's token, if it is kept, an authenticated MCP request. Names the step at which it ends.",
    timeoutMs: 40_000,
    input: z.strictObject({}),
    output: verdictSchema,
    async run(_, helpers) {
      const walked: Step<unknown>[] = [];
      const take = <T>(step: Step<T>): T | undefined => {
        walked.push(step);
        return step.value;
      };
      const metadataUrl = take(await challengeStep(deps, helpers));
      const found =
        metadataUrl === undefined ? undefined : take(await metadataStep(metadataUrl, deps, helpers));
      if (found !== undefined) take(await issuerStep(deps, helpers));
      const token = await helpers.token();
      take(
        token === undefined
          ? { step: 'request', findings: [notKept] }
          : await requestStep(token, deps, helpers),
      );
      return succeed(
        verdict(
          walked.flatMap(({ findings }) => findings),
          {
            steps: walked.map(({ step, findings, durationMs }) => ({
              step,
              passed: findings.length === 0,
              ...(durationMs !== undefined && { durationMs: Math.round(durationMs) }),
            })),
          },
        ),
      );
    },
  });

async function issuerStep(deps: FlowDeps, { tenantId, signal }: TaskHelpers): Promise<Step<true>> {
  const { findings, discovery, evidence } = await lookAtTenant(tenantId, deps, signal);
  const durationMs = Number(evidence['discoveryMs'] ?? 0) + Number(evidence['keysMs'] ?? 0);
  return { step: 'issuer', findings, durationMs, ...(discovery && { value: true as const }) };
}

const rpcSchema = z.looseObject({ result: z.looseObject({ protocolVersion: z.string() }) });

async function requestStep(token: string, deps: FlowDeps, helpers: TaskHelpers): Promise<Step<true>> {
  const step = 'request';
  const url = `${deps.config.publicOrigin}/mcp`;
  const answer = await call(deps, helpers, { method: 'POST', url, body: initialize, token });
  if (!answer.ok) return unreachable(step, answer) ?? { step, findings: [] };
  const { status, body, durationMs } = answer.value;
  if (status === 200 && rpcSchema.safeParse(body).success)
    return { step, findings: [], durationMs, value: true };
  if (status === 403) return { step, durationMs, findings: [{ ...mayNotUse, evidence: { status } }] };
  const refused = status === 401;
  return {
    step,
    durationMs,
    findings: [
      say(
        refused ? 'token_refused' : 'request_failed',
        refused
          ? 'the mcp app refuses the token of the session'
          : `the mcp app does not answer an initialize as MCP wants it: status ${status}`,
        { status },
        refused
          ? 'Ask for jwt_token_validation with the same session: it names the rule.'
          : 'Look into the log of the mcp app under the trace of this delegation.',
      ),
    ],
  };
}

const mayNotUse: Finding = {
  rule: 'role_cannot_use',
  severity: 'info',
  message: "the token of the session was let in, but its owner's roles do not include mcp.use",
  evidence: {},
  remedy: 'Use the session of an Admin, an Operator or a User to see the last step answered.',
};

const notKept: Finding = {
  rule: 'token_not_kept',
  severity: 'info',
  message: 'no authenticated request was made: there is no session that keeps its token',
  evidence: {},
  remedy: 'Open a session with {"keepToken": true} and name it, to have the last step walked too.',
};

import type { OwnAnswer, OwnTools } from '../../../shared/gateway/catalogue/builtInTools.ts';
import { isPermitted } from '../../../shared/identity/access/permissions.ts';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import type { Tool } from '../../../shared/registry/records/server.ts';
import type { AppDeps } from '../../compose/compose.ts';
import { auditRoutes } from '../../management/audit.ts';
import { delegationRoutes } from '../../management/delegations.ts';
import { healthRoutes } from '../../management/health.ts';
import { idempotent } from '../../management/idempotent.ts';
import { qualityGateRoutes } from '../../management/qualityGates.ts';
import { reportRoutes } from '../../management/reports.ts';
import { serverRoutes } from '../../management/servers.ts';
import { lookTools } from './inspectTools.ts';
import { routeCalls } from './routeCalls.ts';
import { serverTools } from './serverTools.ts';
import { workTools } from './workTools.ts';

/** The gateway's own tools: the management API for models, each tool for those who may call its route. */
export function openOwnTools(deps: AppDeps): OwnTools {
  const routes = [
    ...serverRoutes(deps),
    ...delegationRoutes(deps),
    ...qualityGateRoutes(deps),
    ...healthRoutes(deps),
    ...reportRoutes(deps),
    ...auditRoutes(deps),
  ];
  const route = routeCalls(routes.map((each) => idempotent(each, deps)));
  const tools = [...serverTools(route), ...workTools(route), ...lookTools(route)];
  const lists = new Map<string, readonly Tool[]>();
  return {
    list(principal) {
      const own = tools
        .filter(({ permission }) => isPermitted(principal, permission))
        .map(({ shown }) => shown);
      const key = own.map(({ name }) => name).join();
      const known = lists.get(key) ?? own;
      lists.set(key, known);
      return Promise.resolve(known);
    },
    async call(name, args, call) {
      const tool = tools.find(({ shown }) => shown.name === name);
      if (!tool || !isPermitted(call.principal, tool.permission))
        throw new Error(`${name} is no tool of the gateway for this caller`);
      const done = await tool.run(args, call);
      return done.ok ? said(done.value) : wrong(done.error);
    },
  };
}

function said(value: unknown): OwnAnswer {
  const text = JSON.stringify(value);
  return {
    result: { content: [{ type: 'text', text }], structuredContent: JSON.parse(text) as unknown },
    outcome: 'succeeded',
  };
}

/** A failure that the model should see, and can mend (both eras, server/tools, Error Handling). */
function wrong({ kind, message, errors = [] }: DomainError): OwnAnswer {
  const lines = [message, ...errors.map((problem) => `${problem.path}: ${problem.message}`)];
  return { result: { content: [{ type: 'text', text: lines.join('\n') }], isError: true }, outcome: kind };
}

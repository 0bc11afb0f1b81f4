import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { health, healthSchema, reportSchema } from '../finding.ts';
import { type OauthDeps, lookAtOauthChain } from './oauthDiscovery.ts';

const agent = 'fastmcp-specialist';
const input = z.strictObject({});

export const oauthTasks = (deps: OauthDeps): readonly Task[] => [
  defineTask({
    name: 'oauth_proxy_integration',
    permissions: ['delegations.read'],
    agent,
    description:
      'Goes the way of a client that knows only a URL, for the aggregate, a server’s and a toolset’s endpoint: the challenge of each method, the metadata that it leads to, the authorization server that this names; says what is not as RFC 9728, RFC 6750 and MCP want it.',
    timeoutMs: 20_000,
    input,
    output: reportSchema,
    async run(_, helpers) {
      const { facts, findings } = await lookAtOauthChain(deps, helpers, 'thorough');
      return succeed({
        summary:
          findings[0] === undefined
            ? 'A client that knows only the URL of an endpoint finds where to sign in, for every kind of endpoint.'
            : `${findings.length} things keep clients from signing in; the first: ${findings[0].message}.`,
        facts,
        findings: [...findings],
      });
    },
  }),
  defineTask({
    name: 'check_oauth_proxy_status',
    permissions: ['delegations.read'],
    agent,
    description:
      'Checks that each kind of MCP endpoint challenges requests without a token, and that the challenge leads to metadata and an authorization server.',
    timeoutMs: 8_000,
    input,
    output: healthSchema,
    async run(_, helpers) {
      const { facts, findings } = await lookAtOauthChain(deps, helpers, 'quick');
      return succeed(health(findings, facts));
    },
  }),
];

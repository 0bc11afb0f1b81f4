import { z } from 'zod';
import { signedIn } from '../signedIn.ts';
import { discoverServer } from '../../gateway/catalogue/discovery.ts';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { fail } from '../../platform/base/result.ts';
import type { OutboundTo } from '../../gateway/upstream/outboundTo.ts';
import { discoverySchema } from '../../registry/records/server.ts';
import { secretsNamedIn } from '../../registry/secrets/urlSecrets.ts';
import { needsUser, upstreamSettingsSchema } from '../../registry/records/upstreamSettings.ts';

const signInLost: DomainError = {
  kind: 'unauthenticated',
  message:
    'this server needs a signed-in user, and there is none: the session has ended, or Redis lost it in a restart; ask again as a user',
};

/** Connects to a server as a client would, and says what it speaks and offers, or why it cannot be used. */
export function validateServerConfig({
  outboundTo,
  credentials,
}: {
  readonly outboundTo: OutboundTo;
  readonly credentials: Pick<Credentials, 'isPersonal'>;
}): Task {
  return defineTask({
    name: 'validate_server_config',
    permissions: ['delegations.read'],
    agent: 'fastmcp-specialist',
    description:
      'Connects to an MCP server as a client would, and says which era it speaks and which tools it offers, or why it cannot be used.',
    timeoutMs: 20_000,
    input: z.strictObject({
      url: z
        .string()
        .max(2048)
        .refine(
          (url) => secretsNamedIn(url).length === 0,
          'holds a secret: register the server, whose URL is then sealed',
        )
        .describe('The URL of the MCP endpoint, without secrets.'),
      sealedUrl: z
        .string()
        .max(8192)
        .optional()
        .describe('The whole URL, sealed, as the record of a server holds it.'),
      upstream: upstreamSettingsSchema.optional().describe('How the server is called, as a record says it.'),
    }),
    output: discoverySchema,
    async run(target, helpers) {
      const { tenantId, signal, clock } = helpers;
      // Nothing else needs the session. Redis may be away or have lost it.
      const isPersonal = needsUser(target, credentials);
      const user = isPersonal ? await signedIn(helpers) : undefined;
      if (isPersonal && !user) return fail(signInLost);
      return discoverServer(
        { tenantId, ...target },
        { outboundTo: (server) => outboundTo(server, () => user), clock },
        signal,
      );
    },
  });
}

import * as z from 'zod';
import { discoverServer } from '../../gateway/catalogue/discovery.ts';
import type { OutboundTo } from '../../gateway/upstream/outboundTo.ts';
import type { NoteHealth } from '../../gateway/upstream/serverHealth.ts';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { fail } from '../../platform/base/result.ts';
import { discoverySchema, slugSchema } from '../../registry/records/server.ts';
import { needsUser, upstreamSettingsSchema } from '../../registry/records/upstreamSettings.ts';
import { secretsNamedIn } from '../../registry/secrets/urlSecrets.ts';
import { signedIn } from '../signedIn.ts';

const signInLost: DomainError = {
  kind: 'unauthenticated',
  message:
    'this server needs a signed-in user, but the session has ended or Redis lost it in a restart: sign in, then ask again as a user',
};

/** Connects to a server as a client does, and returns its era and what it offers, or why it cannot be used. */
export function validateServerConfig({
  outboundTo,
  noteHealth,
  credentials,
}: {
  readonly outboundTo: OutboundTo;
  readonly noteHealth: NoteHealth;
  readonly credentials: Pick<Credentials, 'isPersonal'>;
}): Task {
  return defineTask({
    name: 'validate_server_config',
    permissions: ['delegations.read'],
    agent: 'fastmcp-specialist',
    description:
      'Connects to an MCP server as a client does, and returns its era and its tools, or why it cannot be used.',
    timeoutMs: 20_000,
    input: z.strictObject({
      url: z
        .string()
        .max(2048)
        .refine(
          (url) => secretsNamedIn(url).length === 0,
          'holds a secret: register the server, which seals its URL',
        )
        .describe('The URL of the MCP endpoint, without secrets.'),
      sealedUrl: z
        .string()
        .max(8192)
        .optional()
        .describe('The whole URL, sealed, as in the record of a server.'),
      upstream: upstreamSettingsSchema
        .optional()
        .describe('How the server is called, as in the record of a server.'),
      slug: slugSchema
        .optional()
        .describe('The slug of a registered server with this URL. A failure becomes its health.'),
    }),
    output: discoverySchema,
    async run({ slug, ...target }, helpers) {
      const { tenantId, signal, clock } = helpers;
      // Only personal servers need the session: Redis may be down or may have lost it.
      const isPersonal = needsUser(target, credentials);
      const user = isPersonal ? await signedIn(helpers) : undefined;
      if (isPersonal && !user) return fail(signInLost);
      const found = await discoverServer(
        { tenantId, ...target },
        { outboundTo: (server) => outboundTo(server, () => user), clock },
        signal,
      );
      // A success replaces the discovery of the record, which is a newer contact.
      if (slug !== undefined && !found.ok && !signal.aborted)
        noteHealth(tenantId, { slug, url: target.url }, { status: 'failed', reason: found.error.message });
      return found;
    },
  });
}

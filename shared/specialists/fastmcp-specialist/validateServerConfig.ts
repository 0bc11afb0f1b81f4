import * as z from 'zod';
import { discoverForAll } from '../../gateway/catalogue/discoverForAll.ts';
import type { OutboundTo } from '../../gateway/upstream/outboundTo.ts';
import type { NoteHealth } from '../../gateway/upstream/serverHealth.ts';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { fail } from '../../platform/base/result.ts';
import { discoverySchema, slugSchema } from '../../registry/records/server.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import {
  needsAccount,
  needsSignIn,
  upstreamSettingsSchema,
} from '../../registry/records/upstreamSettings.ts';
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
  servers,
}: {
  readonly outboundTo: OutboundTo;
  readonly noteHealth: NoteHealth;
  readonly credentials: Pick<Credentials, 'isPersonal' | 'isAccount'>;
  readonly servers: Pick<ServerStore, 'find'>;
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
      accountsAt: slugSchema
        .optional()
        .describe(
          'The slug of the server. Where it is registered with this URL, the account of its first user is used.',
        ),
    }),
    output: discoverySchema,
    async run({ slug, accountsAt, ...target }, helpers) {
      const { tenantId, signal, clock } = helpers;
      // Only personal servers need the session: Redis may be down or may have lost it.
      const isPersonal = needsSignIn(target, credentials);
      const user = isPersonal ? await signedIn(helpers) : undefined;
      if (isPersonal && !user) return fail(signInLost);
      // Accounts are for the server of the record alone: whoever may validate a server may give any URL.
      const record =
        accountsAt !== undefined && needsAccount(target, credentials)
          ? (await servers.find(tenantId, accountsAt))?.value
          : undefined;
      const isRecorded = record?.url === target.url && record.sealedUrl === target.sealedUrl;
      const found = await discoverForAll(
        { tenantId, ...target, ...(isRecorded && { slug: accountsAt }) },
        { outboundTo: (server, owner = () => user) => outboundTo(server, owner), clock, credentials },
        signal,
        isRecorded ? record.discovery : undefined,
      );
      // A success replaces the discovery of the record, which is a newer contact.
      if (slug !== undefined && !found.ok && !signal.aborted)
        noteHealth(tenantId, { slug, url: target.url }, { status: 'failed', reason: found.error.message });
      return found;
    },
  });
}

import { z } from 'zod';
import { signedIn } from '../signedIn.ts';
import { discoverServer } from '../../gateway/discovery.ts';
import { defineTask, type Task } from '../../orchestration/task/task.ts';
import type { OutboundTo } from '../../gateway/upstream/outboundTo.ts';
import { discoverySchema } from '../../registry/server.ts';
import { secretsNamedIn } from '../../registry/serverJson/hiddenUrl.ts';
import { upstreamSettingsSchema } from '../../registry/upstreamSettings.ts';

/** Connects to a server as a client would, and says what it speaks and offers, or why it cannot be used. */
export function validateServerConfig({ outboundTo }: { readonly outboundTo: OutboundTo }): Task {
  return defineTask({
    name: 'validate_server_config',
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
      const user = await signedIn(helpers);
      return discoverServer(
        { tenantId, ...target },
        { outboundTo: (server) => outboundTo(server, () => user), clock },
        signal,
      );
    },
  });
}

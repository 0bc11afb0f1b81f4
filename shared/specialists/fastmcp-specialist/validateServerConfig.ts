import { z } from 'zod';
import { signedIn } from '../signedIn.ts';
import { discoverServer } from '../../gateway/discovery.ts';
import { defineTask, type Task } from '../../orchestration/task/task.ts';
import type { OutboundTo } from '../../gateway/upstream/outboundTo.ts';
import { discoverySchema } from '../../registry/server.ts';
import { upstreamSettingsSchema } from '../../registry/upstreamSettings.ts';

/** Connects to a server as a client would, and says what it speaks and offers, or why it cannot be used. */
export function validateServerConfig({ outboundTo }: { readonly outboundTo: OutboundTo }): Task {
  return defineTask({
    name: 'validate_server_config',
    permissions: ['delegations.read'],
    agent: 'fastmcp-specialist',
    description:
      'Connects to an MCP server as a client would, and says which era it speaks and which tools it offers, or why it cannot be used.',
    timeoutMs: 20_000,
    input: z.strictObject({
      url: z.string().max(2048).describe('The URL of the MCP endpoint.'),
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

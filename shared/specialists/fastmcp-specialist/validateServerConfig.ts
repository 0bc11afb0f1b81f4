import { z } from 'zod';
import { discoverServer } from '../../gateway/discovery.ts';
import { defineTask, type Task } from '../../orchestration/task.ts';
import type { OutboundClient } from '../../platform/outbound.ts';
import { discoverySchema } from '../../registry/server.ts';

/** Connects to a server as a client would, and says what it speaks and offers, or why it cannot be used. */
export function validateServerConfig({ outbound }: { readonly outbound: OutboundClient }): Task {
  return defineTask({
    name: 'validate_server_config',
    agent: 'fastmcp-specialist',
    timeoutMs: 20_000,
    input: z.object({ url: z.string() }),
    output: discoverySchema,
    run: ({ url }, { signal, clock }) => discoverServer(url, { outbound, clock }, signal),
  });
}

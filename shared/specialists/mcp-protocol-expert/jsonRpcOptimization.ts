import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { reportSchema } from '../finding.ts';
import { judgeSizes, measureSizes, sizesSchema } from './messageSizes.ts';
import { lookAtEach, subjectSchema, subjectServers } from './subjectServers.ts';
import { recordDeps, recordServer } from './recordServer.ts';

const MAX_SERVERS = 20;

/** Measures what the lists of servers cost on the wire and in the context of a model. */
export function jsonRpcOptimization({
  servers,
  outboundTo,
}: Pick<SpecialistDeps, 'servers' | 'outboundTo'>): Task {
  return defineTask({
    name: 'json_rpc_optimization',
    permissions: ['delegations.read'],
    agent: 'mcp-protocol-expert',
    description:
      'Reads the lists of a server as a client does, and tells their sizes, pages and largest tools, what they cost in the context of a model, and what could be smaller.',
    timeoutMs: 120_000,
    input: subjectSchema,
    output: reportSchema.extend({ servers: z.array(sizesSchema), leftOut: z.array(z.string()) }),
    async run({ slug }, helpers) {
      const subjects = await subjectServers(slug, helpers.tenantId, servers, MAX_SERVERS);
      if (!subjects.ok) return subjects;
      const deps = await recordDeps(outboundTo, helpers);
      const { results, untried } = await lookAtEach(
        subjects.value.servers,
        helpers,
        async (server, signal) => {
          const { transcript, finding } = await recordServer(server, 'lists', deps, signal);
          if (!transcript) return { sizes: [], findings: [finding] };
          const sizes = measureSizes(server.slug, transcript);
          return { sizes: [sizes], findings: judgeSizes(sizes) };
        },
      );
      const sizes = results.flatMap((result) => result.sizes);
      const toolTokens = sizes.reduce((sum, one) => sum + one.toolTokens, 0);
      const bytes = sizes.flatMap(({ lists }) => lists).reduce((sum, list) => sum + list.bytes, 0);
      const leftOut = [...untried, ...subjects.value.beyond];
      return succeed({
        summary: `The lists of ${sizes.length} servers have ${bytes} bytes; their tools cost a model about ${toolTokens} tokens.`,
        facts: { measured: sizes.length, bytes, toolTokens },
        findings: results.flatMap(({ findings }) => findings),
        servers: sizes,
        leftOut,
      });
    },
  });
}

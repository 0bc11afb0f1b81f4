import { z } from 'zod';
import { capabilitiesFor } from '../../gateway/catalogue/serverView.ts';
import { isSound } from '../../gateway/catalogue/tools.ts';
import { type Era, eraSchema } from '../../registry/records/era.ts';
import { type Tool } from '../../registry/records/server.ts';
import type { Finding } from '../finding.ts';

const carriedSchema = z.object({
  feature: z.string(),
  declared: z.boolean().describe('Whether the server says that it has it.'),
  legacy: z.boolean().describe('Whether a client of the 2025 era has it through the gateway.'),
  modern: z.boolean().describe('Whether a client of the 2026 era has it through the gateway.'),
  why: z.string().optional().describe('Where one of them has not.'),
});

/** What a server declares, and what of it reaches the clients of either era. */
export const matrixRowSchema = z.object({
  slug: z.string(),
  era: eraSchema,
  version: z.string(),
  features: z.array(carriedSchema),
  tools: z.number(),
  toolsLeftOut: z
    .array(z.string())
    .describe('Tools that no client is shown, since their definition is unsound.'),
});
export type MatrixRow = z.infer<typeof matrixRowSchema>;

/** A server as it presents itself. */
export interface Presented {
  readonly era: Era;
  readonly protocolVersion: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly transport?: 'sse' | undefined;
  readonly tools: readonly Tool[];
}

const TASKS = 'io.modelcontextprotocol/tasks';

/** Pure. */
export function matrixRow(slug: string, presented: Presented): MatrixRow {
  const { era, protocolVersion, capabilities, tools } = presented;
  return {
    slug,
    era,
    version: protocolVersion,
    features: [...declaredFeatures(capabilities), questions(presented)],
    tools: tools.length,
    toolsLeftOut: tools.filter((tool) => !isSound(tool)).map(({ name }) => name.slice(0, 80)),
  };
}

/** Of one server; no server has a tenth of that. */
const MAX_FEATURES = 200;

/** Each capability, and each extension by its name. */
function declaredFeatures(capabilities: Presented['capabilities']): MatrixRow['features'] {
  const names = (of: Presented['capabilities']): string[] =>
    Object.entries(of).flatMap(([name, value]) =>
      name === 'extensions' && typeof value === 'object' && value !== null
        ? Object.keys(value).map((extension) => `extension ${extension}`)
        : [name],
    );
  const shown = {
    legacy: new Set(names(capabilitiesFor.legacy(capabilities))),
    modern: new Set(names(capabilitiesFor.modern(capabilities))),
  };
  return names(capabilities)
    .slice(0, MAX_FEATURES)
    .map((feature) => {
      const legacy = shown.legacy.has(feature);
      const modern = shown.modern.has(feature);
      const why = legacy && modern ? undefined : whyNot(feature);
      return {
        feature: feature.slice(0, 120),
        declared: true,
        legacy,
        modern,
        ...(why !== undefined && { why }),
      };
    });
}

function whyNot(feature: string): string {
  if (feature === 'tasks' || feature === `extension ${TASKS}`) return 'the gateway does not carry tasks';
  return 'the 2025 era has no extensions';
}

/** Elicitation, sampling and roots are capabilities of clients; whether they reach a server depends on both eras. */
function questions({ era, transport }: Presented): MatrixRow['features'][number] {
  const feature = 'questions to clients';
  if (transport === 'sse')
    return {
      feature,
      declared: false,
      legacy: false,
      modern: false,
      why: 'a server of the old transport is called in a session for one call, which has no client to ask',
    };
  return era === 'modern'
    ? { feature, declared: false, legacy: true, modern: true }
    : {
        feature,
        declared: false,
        legacy: true,
        modern: false,
        why: 'a 2025 server waits for the answer within the call, which a 2026 client gives in another one',
      };
}

/** What the matrix means for those who use the server. Pure. */
export function judgeRow({ slug, features, toolsLeftOut, tools }: MatrixRow): Finding[] {
  const missing = features.filter(({ declared, legacy, modern }) => declared && !(legacy && modern));
  return [
    ...missing.map(({ feature, legacy, modern, why }) => ({
      rule: 'capability_is_not_carried',
      severity: 'info' as const,
      message: `${slug}: ${feature} does not reach clients of ${legacy || modern ? 'one era' : 'either era'}: ${why ?? ''}.`,
      evidence: { server: slug, feature, legacy, modern },
      remedy: 'Offer what depends on it in another way too, or call the server without the gateway for that.',
    })),
    ...(toolsLeftOut.length === 0
      ? []
      : [
          {
            rule: 'tools_are_left_out',
            severity: 'warning' as const,
            message: `${slug}: ${toolsLeftOut.length} of ${tools} tools are shown to no client.`,
            evidence: { server: slug, tools: toolsLeftOut.slice(0, 10) },
            remedy:
              'Correct their definitions; mcp_specification_compliance says what is wrong with each. A tool that runs only as a task cannot be called.',
          },
        ]),
  ];
}

/** How a server differs from what the registry knows of it. Pure. */
export function judgeDrift(slug: string, known: Presented, now: Omit<Presented, 'tools'>): Finding[] {
  const names = (of: Presented['capabilities']) => Object.keys(of).sort().join(', ');
  const changes = {
    ...(known.era !== now.era && { era: [known.era, now.era] }),
    ...(known.protocolVersion !== now.protocolVersion && {
      version: [known.protocolVersion, now.protocolVersion],
    }),
    ...(names(known.capabilities) !== names(now.capabilities) && {
      capabilities: [names(known.capabilities), names(now.capabilities)],
    }),
  };
  const what = Object.keys(changes);
  if (what.length === 0) return [];
  return [
    {
      rule: 'registry_is_behind',
      severity: 'warning',
      message: `${slug}: ${what.join(' and ')} differ from what the registry knows.`,
      evidence: { server: slug, ...changes },
      remedy:
        'Nothing, where it was changed on purpose: it is read anew within a quarter of an hour. Otherwise see who changed it.',
    },
  ];
}

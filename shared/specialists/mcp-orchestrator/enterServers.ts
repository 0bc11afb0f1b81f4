import * as z from 'zod';
import type { PlanStore } from '../../orchestration/model/stores.ts';
import { recordContentSchema } from '../../orchestration/servers/recordContent.ts';
import { takeSlug } from '../../orchestration/servers/takeSlug.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Stored } from '../../platform/tables/tables.ts';
import { discoveryChanges } from '../../registry/records/itemHashes.ts';
import {
  discoverySchema,
  type ServerRecord,
  serverStatusSchema,
  slugSchema,
} from '../../registry/records/server.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import {
  checkPublishable,
  type PublishingDeps,
  withdrawRecord,
} from '../../registry/versions/publishRecord.ts';
import { settleEntry } from '../../registry/versions/settleEntry.ts';

interface EnterDeps extends PublishingDeps {
  readonly servers: ServerStore;
}

const registrationSchema = z.object({ slug: slugSchema, planId: z.string() });
const decidedSchema = z.object({ slug: slugSchema, status: serverStatusSchema });
type Decided = z.infer<typeof decidedSchema>;

const common = {
  agent: 'mcp-orchestrator',
  permissions: ['delegations.read'],
  timeoutMs: 20_000,
  planOnly: true,
} as const;

/** Takes the slug for a registration whose process died before it took the slug. */
export function takeSlugOf(deps: EnterDeps & { readonly plans: Pick<PlanStore, 'find'> }): Task {
  return defineTask({
    ...common,
    name: 'take_slug',
    description: 'Takes the slug of a server that is being registered, and stores its record as pending.',
    // Validated when the plan was made.
    input: z.object({ record: z.custom<ServerRecord>() }),
    output: decidedSchema,
    async run({ record }, { tenantId }) {
      const taken = await takeSlug({ ...record, tenantId }, deps);
      return taken.ok ? succeed(shown(taken.value)) : taken;
    },
  });
}

/** Makes a server active, with the result of its discovery, and publishes it. */
export function updateRegistry(deps: EnterDeps): Task {
  return defineTask({
    ...common,
    name: 'update_registry',
    description:
      'Makes a validated server active in the registry, and publishes it. A server may begin disabled.',
    input: registrationSchema.extend({ discovery: discoverySchema, disabled: z.boolean().optional() }),
    output: decidedSchema,
    async run({ discovery, disabled, ...registration }, { tenantId }) {
      const status = disabled === true ? 'disabled' : 'active';
      const decided = await decide(registration, tenantId, deps, { status, discovery });
      if (!decided.ok) return decided;
      const settled = await settleEntry(decided.value, deps);
      return settled.ok ? succeed(shown(decided.value)) : settled;
    },
  });
}

/** Marks the server of a failed registration as rejected, with the reason. Its slug may be taken again. */
export function rejectRegistration(deps: EnterDeps): Task {
  return defineTask({
    ...common,
    name: 'reject_registration',
    description: 'Marks a server whose registration failed as rejected, with the reason, and withdraws it.',
    input: registrationSchema.extend({ error: z.object({ message: z.string() }).nullable() }),
    output: decidedSchema,
    async run({ error, ...registration }, { tenantId }) {
      const statusReason = error?.message ?? 'the registration was cancelled';
      const decided = await decide(registration, tenantId, deps, { status: 'rejected', statusReason });
      if (!decided.ok) return decided;
      // A new registration may have taken the slug by now: a failure of its publication is its own.
      await settleEntry(decided.value, deps);
      return succeed(shown(decided.value));
    },
  });
}

const names = z.array(z.string()).readonly();
const listChangesSchema = z.object({ added: names, removed: names, changed: names });
const changesSchema = z.object({
  tools: listChangesSchema,
  prompts: listChangesSchema,
  resources: listChangesSchema,
  resourceTemplates: listChangesSchema,
});

/** Replaces the content and discovery of a record, if the record is still the one that was read. */
export function updateServer(deps: EnterDeps): Task {
  return defineTask({
    ...common,
    name: 'update_server',
    description: 'Replaces the content of a registered server after its validation.',
    input: registrationSchema.extend({
      etag: z.string(),
      content: recordContentSchema,
      discovery: discoverySchema,
    }),
    output: decidedSchema.extend(changesSchema.shape),
    async run({ slug, etag, planId, content, discovery }, { tenantId, clock }) {
      const stored = await deps.servers.find(tenantId, slug);
      if (!stored) return gone(slug);
      const before = stored.value;
      if (stored.etag !== etag && before.planId !== planId) return changed(slug);
      const { server: _s, visibility: _v, advertise: _a, upstream: _u, statusReason: _r, ...rest } = before;
      const { sealedUrl: _url, ...kept } = rest;
      const at = clock.now().toISOString();
      // A change of a disabled server does not enable it.
      const status = before.status === 'disabled' ? 'disabled' : 'active';
      const statusChangedAt = before.status === status ? before.statusChangedAt : at;
      const record: ServerRecord = {
        ...kept,
        ...content,
        planId,
        discovery,
        status,
        statusChangedAt,
        updatedAt: at,
      };
      const publishable = await checkPublishable(record, deps);
      if (!publishable.ok) return publishable;
      // If this task runs again, it finds its own record and completes the steps after it.
      if (stored.etag === etag) {
        const written = await deps.servers.replace(record, etag);
        if (written.status !== 'replaced') return changed(slug);
      }
      // Also for a disabled server: its entry is published still where the process died that disabled it.
      const settled = await settleEntry(before, deps);
      if (!settled.ok) return settled;
      return succeed({ ...shown(record), ...discoveryChanges(before.discovery, discovery) });
    },
  });
}

/** Removes a server from the registry and from the published list; with an ETag, only if the record is still that one. */
export function removeServer(deps: EnterDeps): Task {
  return defineTask({
    ...common,
    name: 'remove_server',
    description: 'Removes a server from the registry and from the published list.',
    input: z.object({ slug: slugSchema, etag: z.string().optional() }),
    output: z.object({ slug: slugSchema }),
    async run({ slug, etag }, { tenantId }) {
      for (;;) {
        const stored = await deps.servers.find(tenantId, slug);
        // An earlier attempt of this task, or another removal, has removed it.
        if (!stored) return succeed({ slug });
        if (etag !== undefined && stored.etag !== etag) return changed(slug);
        // Before the removal: while there is a record, a repetition finds what to withdraw.
        await withdrawRecord(stored.value, deps);
        const removal = await deps.servers.remove(stored.value, stored.etag);
        // Another call may have published the entry in between, or changed the record so that it is to be published.
        await settleEntry(stored.value, deps);
        if (removal !== 'conflict') return succeed({ slug });
      }
    },
  });
}

/** Writes the decision into the record of this registration. Fails if the record is missing or of a later registration. */
async function decide(
  { slug, planId }: z.infer<typeof registrationSchema>,
  tenantId: string,
  { servers, clock }: EnterDeps,
  verdict: Pick<ServerRecord, 'status'> & Partial<ServerRecord>,
): Promise<Result<ServerRecord>> {
  for (;;) {
    const stored: Stored<ServerRecord> | undefined = await servers.find(tenantId, slug);
    if (stored?.value.planId !== planId) {
      const message = `the server "${slug}" was deleted or registered again while it was being validated`;
      return fail({ kind: 'not_found', message });
    }
    const at = clock.now().toISOString();
    const record = { ...stored.value, ...verdict, statusChangedAt: at, updatedAt: at };
    if ((await servers.replace(record, stored.etag)).status === 'replaced') return succeed(record);
  }
}

const shown = ({ slug, status }: ServerRecord): Decided => ({ slug, status });

const gone = (slug: string) =>
  fail({ kind: 'not_found', message: `the server "${slug}" was removed in the meantime` });
const changed = (slug: string) =>
  fail({
    kind: 'conflict',
    message: `the server "${slug}" was changed in the meantime: read it and try again`,
  });

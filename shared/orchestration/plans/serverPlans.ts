import { z } from 'zod';
import { invalidBySchema } from '../../platform/base/invalid.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import { registrationSchema, serverContentSchema, slugSchema } from '../../registry/records/server.ts';
import type { Caller } from '../model/caller.ts';
import type { Plan } from '../model/plan.ts';
import { removeServer, updateServer } from './changeServer.ts';
import { type RegistrationDeps, registerServer } from './registerServer.ts';
import { MAX_SERVERS, registerServers } from './registerServers.ts';

type Begin = (input: unknown, caller: Caller, deps: RegistrationDeps) => Promise<Result<Plan>>;

/** Reads the input of a named plan before it is begun. Failure: `invalid`. */
function taking<Input>(
  schema: z.ZodType<Input>,
  begin: (input: Input, caller: Caller, deps: RegistrationDeps) => Promise<Result<Plan>>,
): Begin {
  return async (input, caller, deps) => {
    const parsed = schema.safeParse(input);
    if (parsed.success) return begin(parsed.data, caller, deps);
    return invalidBySchema(parsed.error, 'the input', ['input']);
  };
}

const targetSchema = z.strictObject({ slug: slugSchema });

/** The named plans that change the registry, by what begins each. */
export const serverPlans: Readonly<Record<string, Begin>> = {
  server_registration_with_auth: taking(registrationSchema, async (registration, caller, deps) => {
    const registered = await registerServer(registration, caller, deps);
    return registered.ok ? succeed(registered.value.plan) : registered;
  }),
  server_update: taking(
    z.strictObject({ slug: slugSchema, content: serverContentSchema }),
    ({ slug, content }, caller, deps) => updateServer({ slug }, content, caller, deps),
  ),
  server_removal: taking(targetSchema, (target, caller, deps) => removeServer(target, caller, deps)),
  bulk_server_registration: taking(
    z.strictObject({ servers: z.array(registrationSchema).min(1).max(MAX_SERVERS) }),
    ({ servers }, caller, deps) => registerServers(servers, caller, deps),
  ),
};

import type { BuiltInCall } from '../../../shared/gateway/catalogue/builtInTools.ts';
import {
  describePermission,
  isPermitted,
  type Permission,
} from '../../../shared/identity/access/permissions.ts';
import { fail, invalidBySchema, type Result, succeed } from '../../../shared/platform/base/result.ts';
import { canName, noSuchName } from '../../http/paths.ts';
import type { Route } from '../../http/route.ts';

/** The parts of a request to a route. Undefined query parameters are left out. */
export interface Question {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly idempotencyKey?: string | undefined;
}

/** A route of the management API that built-in tools call in process. */
export interface RouteCall {
  readonly permission: Permission;
  /** Returns the body of the answer. Failures: those of the route, and `forbidden`. @throws in an outage */
  ask(call: BuiltInCall, question?: Question): Promise<Result<unknown>>;
}

/** Calls routes as their HTTP functions do: with the same permission, the same checks and the same audit records. */
export function routeCalls(routes: readonly Route<unknown>[]): (name: string) => RouteCall {
  return (name) => {
    const route = routes.find((candidate) => candidate.name === name);
    if (!route || route.permission === 'anonymous')
      throw new Error(`no route ${name} that takes a permission`);
    const { permission } = route;
    return {
      permission,
      async ask(call, question = {}) {
        if (!isPermitted(call.actor, permission))
          return fail({
            kind: 'forbidden',
            message: `your roles do not include the permission ${describePermission(permission)}`,
          });
        if (!canName(route.path, question.params ?? {})) return noSuchName;
        const body = readBody(route, question.body);
        if (!body.ok) return body;
        const answered = await route.handle({ ...call, ...partsOf(question), body: body.value });
        if (answered instanceof Response) throw new Error(`the route ${name} answers with a stream`);
        return answered.ok ? succeed(answered.value.body) : answered;
      },
    };
  };
}

function readBody({ body: schema }: Route<unknown>, given: unknown): Result<unknown> {
  if (!schema) return succeed(undefined);
  const parsed = schema.safeParse(given);
  return parsed.success ? succeed(parsed.data) : invalidBySchema(parsed.error, 'what you ask for');
}

function partsOf({ params = {}, query = {}, idempotencyKey }: Question) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  const headers = new Headers();
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey);
  return { params, query: given, headers };
}

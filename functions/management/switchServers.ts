import { switchServer } from '../../shared/orchestration/servers/switchServer.ts';
import { type Result, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { callerOf } from './caller.ts';
import { privileged } from './privileged.ts';

const states = { disable: 'disabled', enable: 'active' } as const;

/** Routes that disable a server without deleting it, and enable it again. Both act at once, without a connection to the server. */
export function switchServerRoutes(deps: AppDeps): readonly Route<unknown>[] {
  return (['disable', 'enable'] as const).map((act) => {
    const route: Route = {
      name: `servers-${act}`,
      method: 'POST',
      path: `servers/{slug}/${act}`,
      permission: 'servers.write',
      async handle(call): Promise<Result<Answer>> {
        const slug = call.params['slug'] ?? '';
        const etag = call.headers.get('if-match') ?? '*';
        const change = { slug, ...(etag !== '*' && { etag }) };
        const switched = await switchServer(change, states[act], callerOf(call), deps);
        if (!switched.ok) return switched;
        const { status, statusChangedAt } = switched.value.value;
        return succeed({
          status: 200,
          headers: { etag: switched.value.etag },
          body: { slug, status, statusChangedAt },
        });
      },
    };
    return privileged(route, `servers.${act}`, ({ params }) => `servers/${params['slug'] ?? ''}`, deps.audit);
  });
}

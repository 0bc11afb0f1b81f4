import { callerOf, type Parts } from './call.ts';
import type { JsonRpcNotification } from '../protocol/jsonRpc.ts';
import type { McpRequest } from './request.ts';
import type { View } from '../catalogue/view.ts';
import type { ClientSession } from '../session/clientSessions.ts';

/** What a legacy client tells of itself, which servers may have kept (2025-11-25, client/roots, Root List Changes). */
const ROOTS_CHANGED = 'notifications/roots/list_changed';
const TELL_WITHIN_MS = 5_000;

/** Passes on what concerns the servers that know the client. None of them keeps it waiting, and who does not hear asks anew. */
export async function tellServers(
  { method, params }: JsonRpcNotification,
  { request, session, view }: { request: McpRequest; session: ClientSession; view: View },
  { connector }: Pick<Parts, 'connector'>,
): Promise<void> {
  if (method !== ROOTS_CHANGED) return;
  const { upstream } = await session.shared();
  for (const server of await view.servers()) {
    if (!upstream.has(server.slug)) continue;
    const slot = connector.sessionOf(server, callerOf(request, session));
    const notification = { method, ...(params && { params }) };
    void slot
      .get()
      .then((opened) => opened.notify(notification, AbortSignal.timeout(TELL_WITHIN_MS)))
      .catch(() => undefined);
  }
}

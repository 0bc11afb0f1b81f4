import type { ServerRecord } from '../records/server.ts';

/** Whose `mcp.json` it is: Cursor reads Claude's. */
export const exportFormats = ['vscode', 'claude'] as const;
export type ExportFormat = (typeof exportFormats)[number];

interface ClientServer {
  readonly type: 'http';
  readonly url: string;
}
export type ClientConfiguration =
  | { readonly servers: Readonly<Record<string, ClientServer>> }
  | { readonly mcpServers: Readonly<Record<string, ClientServer>> };

/** Returns an `mcp.json` with each active server's URL at the gateway. `hint` is the query that its tenant adds to each URL. */
export function exportServers(
  records: readonly Pick<ServerRecord, 'slug' | 'status'>[],
  publicOrigin: string,
  format: ExportFormat = 'vscode',
  hint = '',
): ClientConfiguration {
  const servers = Object.fromEntries(
    records
      .filter(({ status }) => status === 'active')
      .map(({ slug }) => [
        slug,
        { type: 'http' as const, url: `${publicOrigin}/servers/${slug}/mcp${hint}` },
      ]),
  );
  return format === 'claude' ? { mcpServers: servers } : { servers };
}

import type { Audit } from '../../audit/journal/audit.ts';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { Principal } from '../../identity/access/actor.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { OwnTools } from '../catalogue/builtInTools.ts';
import type { FaultKind } from '../upstream/fault.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import type { VisibleServers } from '../../registry/records/visibleServers.ts';
import type { ToolsetStore } from '../../registry/toolsets/toolsetStore.ts';

/** What the data path stands on. */
export interface GatewayDeps {
  readonly servers: ServerStore;
  readonly visibleServers: VisibleServers;
  readonly toolsets: Pick<ToolsetStore, 'find'>;
  readonly outboundTo: OutboundTo;
  readonly credentials: Pick<Credentials, 'isPersonal' | 'hasPersonal'>;
  readonly shortLived: StateStore;
  readonly seal: Seal;
  /** Those of the settings. */
  readonly tenants: ReadonlySet<string>;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly log: Log;
  /** Each request to a server is recorded here, without its arguments and result. */
  readonly audit: Pick<Audit, 'append'>;
  /** Tools of the gateway itself, beside those of the servers; none when absent. */
  readonly ownTools?: OwnTools;
  /** Told of each call that an upstream server failed. */
  readonly onUpstreamFault?: (fault: {
    readonly tenantId: string;
    readonly server: string;
    readonly kind: FaultKind;
    readonly trace: Trace;
  }) => void;
}

/** What an MCP endpoint fronts: all servers of the caller's tenant, one of them, or a curated set. */
export type Front =
  | { readonly kind: 'all' }
  | { readonly kind: 'server'; readonly slug: string }
  | { readonly kind: 'toolset'; readonly slug: string };

/** One HTTP request to an MCP endpoint. Who may call has been decided. */
export interface McpRequest {
  readonly front: Front;
  readonly headers: Headers;
  readonly principal: Principal;
  readonly trace: Trace;
  readonly signal: AbortSignal;
}

/** A POST. The message is parsed JSON of at most 1 MiB. */
export interface McpPost extends McpRequest {
  readonly message: unknown;
}

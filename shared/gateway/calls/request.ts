import type { Audit } from '../../audit/journal/audit.ts';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { Principal } from '../../identity/access/actor.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { BuiltInTools } from '../catalogue/builtInTools.ts';
import type { FaultKind } from '../upstream/fault.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import type { VisibleServers } from '../../registry/records/visibleServers.ts';
import type { ToolsetStore } from '../../registry/toolsets/toolsetStore.ts';

/** The dependencies of the data path. */
export interface GatewayDeps {
  readonly servers: ServerStore;
  readonly visibleServers: VisibleServers;
  readonly toolsets: Pick<ToolsetStore, 'find'>;
  readonly outboundTo: OutboundTo;
  readonly credentials: Pick<Credentials, 'isPersonal' | 'hasPersonal'>;
  readonly shortLived: StateStore;
  readonly seal: Seal;
  /** The tenants of the settings. */
  readonly tenants: ReadonlySet<string>;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly log: Log;
  /** Records each request to a server, without its arguments and result. */
  readonly audit: Pick<Audit, 'append'>;
  /** The built-in tools; none when absent. */
  readonly builtInTools?: BuiltInTools;
  /** Called for each call that failed because of its server. */
  readonly onUpstreamFault?: (fault: {
    readonly tenantId: string;
    readonly server: string;
    readonly kind: FaultKind;
    readonly trace: Trace;
  }) => void;
}

/** The servers behind an MCP endpoint: all of the caller's tenant, one of them, or a curated set. */
export type Front =
  | { readonly kind: 'all' }
  | { readonly kind: 'server'; readonly slug: string }
  | { readonly kind: 'toolset'; readonly slug: string };

/** One HTTP request to an MCP endpoint. Its caller is authorised. */
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

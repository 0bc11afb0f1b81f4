import type { Audit } from '../audit/audit.ts';
import type { Principal } from '../identity/principal.ts';
import type { Clock } from '../platform/clock.ts';
import type { IdSource } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { OutboundClient } from '../platform/outbound.ts';
import type { Trace } from '../platform/trace.ts';
import type { FaultKind } from './upstream/fault.ts';
import type { ServerStore } from '../registry/serverStore.ts';

/** What the data path stands on. */
export interface GatewayDeps {
  readonly servers: ServerStore;
  readonly outbound: OutboundClient;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly log: Log;
  /** Each call of a tool is recorded here, without its arguments and result. */
  readonly audit: Pick<Audit, 'append'>;
  /** Told of each call that an upstream server failed. */
  readonly onUpstreamFault?: (fault: {
    readonly tenantId: string;
    readonly server: string;
    readonly kind: FaultKind;
    readonly trace: Trace;
  }) => void;
}

/** One POST to the MCP endpoint. The message is parsed JSON of at most 1 MiB; who may call has been decided. */
export interface McpRequest {
  readonly headers: Headers;
  readonly message: unknown;
  readonly principal: Principal;
  readonly trace: Trace;
  readonly signal: AbortSignal;
}

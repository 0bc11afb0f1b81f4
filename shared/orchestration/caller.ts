import type { Principal } from '../identity/principal.ts';
import type { IdSource } from '../platform/ids.ts';
import type { Trace } from '../platform/trace.ts';

/** Who asks for work, and in which request. */
export interface Caller {
  readonly principal: Principal;
  readonly trace: Trace;
  /** What the caller signed in with; absent where work goes on after the request. */
  readonly token?: string | undefined;
  /** The id of a request that may be repeated. It stands for one piece of work: a repetition finds what was made under it. */
  readonly requestId?: string;
}

/** The id of what a request makes: that of the request where it may be repeated, else a new one. */
export const idFor = ({ requestId }: Caller, newId: IdSource): string => requestId ?? newId();

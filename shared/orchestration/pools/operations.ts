import * as z from 'zod';
import { fail, invalidBySchema, type Result, succeed } from '../../platform/base/result.ts';
import { unknownName } from '../model/unknownName.ts';
import { poolLimits, type Units } from './pools.ts';

const count = z.int().min(0).max(1_000_000);
const { sharedPool } = poolLimits.database_connections;

/** Returns the units that a load takes. Failure: `invalid`, with paths below `estimatedLoad`. */
type Operation = (estimatedLoad: unknown) => Result<Units>;

function operation<Load>(schema: z.ZodType<Load>, units: (load: Load) => Units): Operation {
  return (estimatedLoad) => {
    const parsed = schema.safeParse(estimatedLoad);
    return parsed.success
      ? succeed(units(parsed.data))
      : invalidBySchema(parsed.error, 'the estimated load', ['estimatedLoad']);
  };
}

/** Returns one connection for each `many`, at most as many as the apps share. */
const oneFor = (many: number, total: number): number => Math.min(Math.ceil(total / many), sharedPool);

/**
 * The operations that can allocate. Each takes at least one of the ten connections to Redis, so that at most ten allocations
 * exist at the same time.
 */
const operations = {
  bulk_server_registration: operation(
    z.strictObject({ serverCount: count, adminCount: count }),
    ({ serverCount, adminCount }) => ({
      databaseConnections: Math.min(Math.floor(serverCount / 5), sharedPool),
      redisConnections: 2,
      oauthValidations: adminCount,
    }),
  ),
  /** Checks run at once; one of them tries a sign-in. */
  quality_gate: operation(z.strictObject({ checkCount: count }), ({ checkCount }) => ({
    databaseConnections: oneFor(2, checkCount),
    redisConnections: 1,
    oauthValidations: 1,
  })),
  /** Most steps wait for others; all read the session. */
  plan: operation(z.strictObject({ stepCount: count }), ({ stepCount }) => ({
    databaseConnections: oneFor(5, stepCount),
    redisConnections: 1,
    oauthValidations: 0,
  })),
  /** Five reports at once; the one about security tries a sign-in. */
  system_report: operation(z.strictObject({}), () => ({
    databaseConnections: 2,
    redisConnections: 1,
    oauthValidations: 1,
  })),
  /** Servers answer slowly and their records are read in pages. */
  catalogue_refresh: operation(z.strictObject({ serverCount: count }), ({ serverCount }) => ({
    databaseConnections: oneFor(20, serverCount),
    redisConnections: 1,
    oauthValidations: 0,
  })),
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;
export const operationNames = Object.keys(operations) as readonly OperationName[];

/** Returns the units that an operation with this load takes. Failures: `not_found`, with the nearest known name; `invalid`. */
export function unitsOf(name: string, estimatedLoad: unknown): Result<Units> {
  const known = operationNames.find((operation) => operation === name);
  if (known === undefined) return fail(unknownName('operation', name, operationNames));
  return operations[known](estimatedLoad);
}

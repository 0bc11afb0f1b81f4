import { z } from 'zod';
import { invalidBySchema } from '../../platform/base/invalid.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { unknownName } from '../model/unknownName.ts';
import { type Units, poolLimits } from './pools.ts';

const count = z.int().min(0).max(1_000_000);
const { sharedPool } = poolLimits.database_connections;

/** The units that a load takes. Failure: `invalid`, by the path below `estimatedLoad`. */
type Operation = (estimatedLoad: unknown) => Result<Units>;

function operation<Load>(schema: z.ZodType<Load>, units: (load: Load) => Units): Operation {
  return (estimatedLoad) => {
    const parsed = schema.safeParse(estimatedLoad);
    return parsed.success
      ? succeed(units(parsed.data))
      : invalidBySchema(parsed.error, 'the estimated load', ['estimatedLoad']);
  };
}

/** One connection for so many, but never more than all apps share. */
const oneFor = (many: number, total: number): number => Math.min(Math.ceil(total / many), sharedPool);

/**
 * What can be allocated for. Each takes a connection to Redis at least, of which there are ten: so there are never more
 * than ten allocations at once.
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

/** What an operation of this load takes. Failures: `not_found` for one that is not known, with the nearest; `invalid`. */
export function unitsOf(name: string, estimatedLoad: unknown): Result<Units> {
  const known = operationNames.find((operation) => operation === name);
  if (known === undefined) return fail(unknownName('operation', name, operationNames));
  return operations[known](estimatedLoad);
}

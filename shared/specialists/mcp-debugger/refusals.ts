import type { AuditRecord } from '../../audit/model/record.ts';
import { isPermission, rolesWith } from '../../identity/access/permissions.ts';
import { type Refusal, REQUIRED_SCOPE } from '../../identity/tokens/verifyToken.ts';
import type { Finding } from '../finding.ts';

type Reason = Refusal | 'origin';
interface Explanation {
  /** What was wrong. */
  readonly what: string;
  /** What the gateway holds such a request to. */
  readonly rule: string;
  readonly remedy: string;
}

/** What each reason in the audit trail means. */
export const reasons = {
  missing: {
    what: 'it came without an access token',
    rule: 'Every request but discovery and health carries "Authorization: Bearer".',
    remedy:
      'Nothing, where a client then signed in: this is how it learns where. Else see that the client keeps the header, and no proxy drops it.',
  },
  repeated: {
    what: 'it carried more than one token',
    rule: 'A request has one Authorization header, and no token in its URL (RFC 6750, section 2).',
    remedy:
      "Let the client send one token. A proxy may add a header of its own: let it replace the client's.",
  },
  malformed: {
    what: 'its Authorization header held nothing that is a JWT',
    rule: 'The header is "Bearer" and one signed JWT of at most 16 KiB.',
    remedy: 'Let the client send the access token, not an id token reference, a key or a password.',
  },
  unknown_tenant: {
    what: 'its token is of a tenant that may not sign in here',
    rule: 'The claim tid is one of MREG_TENANTS.',
    remedy: 'Add the tenant to MREG_TENANTS of both apps, or let the user sign in with their account here.',
  },
  bad_signature: {
    what: 'the signature of its token is of no key of the issuer, or of an algorithm that is not allowed',
    rule: 'RS256, by a key that the issuer publishes for the tenant now.',
    remedy:
      'Get a new token. If all users are refused, keys were rotated: see that the apps reach the issuer. If one is, somebody tries with a token of their own making.',
  },
  expired: {
    what: 'its token had expired',
    rule: 'The claim exp is not further back than 60 seconds.',
    remedy: 'Let the client renew its token before it ends; check the clock of its machine.',
  },
  not_yet_valid: {
    what: 'its token was not valid yet',
    rule: 'The claim nbf is not further ahead than 60 seconds.',
    remedy: 'Check the clocks of the issuer and of the app.',
  },
  wrong_audience: {
    what: 'its token was issued for another application',
    rule: 'The claim aud is MREG_API_CLIENT_ID.',
    remedy: `Let the client ask for the scope api://{MREG_API_CLIENT_ID}/${REQUIRED_SCOPE}: a token for Microsoft Graph or another API does not do.`,
  },
  wrong_claims: {
    what: 'a claim of its token was missing or not as Entra writes it (version, issuer, tenant, object id)',
    rule: 'A v2.0 access token whose issuer is that of its tenant.',
    remedy: 'Set requestedAccessTokenVersion to 2 in the app registration.',
  },
  no_scope: {
    what: `its token lacked the scope ${REQUIRED_SCOPE}`,
    rule: `A user's token carries the scope ${REQUIRED_SCOPE}; that of an app says that it is one.`,
    remedy: 'Let the client ask for that scope, and an administrator of the tenant consent to it.',
  },
  no_role: {
    what: 'its token held no role of this gateway',
    rule: 'At least one of Gateway.Admin, Gateway.Operator, Gateway.Auditor, Gateway.User.',
    remedy: 'Assign an app role to the user, their group or the app in the enterprise application.',
  },
  origin: {
    what: 'it came from a web page whose origin may not call',
    rule: 'The header Origin is one of MREG_ALLOWED_ORIGINS, or absent.',
    remedy: 'Add the origin of that page to MREG_ALLOWED_ORIGINS, if it is one of yours.',
  },
} as const satisfies Record<Reason, Explanation>;

const isReason = (name: string): name is Reason => Object.hasOwn(reasons, name);

export const isRefusal = ({ decision }: Pick<AuditRecord, 'decision'>): boolean => decision === 'refused';

/** What the records say of one reason and one actor. */
export interface RefusalGroup {
  readonly reason: string;
  readonly actor: string;
  /** Where it is known: refusals of permissions say it. */
  readonly app?: string;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  /** The newest few. */
  readonly traceIds: readonly string[];
}

const MAX_TRACES = 5;

/** Groups refusals by why and who, those that happened most first. */
export function groupRefusals(records: readonly AuditRecord[]): readonly RefusalGroup[] {
  const groups = Map.groupBy(records.filter(isRefusal), ({ actor, action, resource }) =>
    JSON.stringify([actor, action, resource]),
  );
  return [...groups.values()].flatMap(groupOf).sort((a, b) => b.count - a.count);
}

function groupOf(group: readonly AuditRecord[]): RefusalGroup[] {
  const [first] = group;
  if (!first) return [];
  const { actor, action, resource } = first;
  const times = group.map(({ at }) => at).sort();
  return [
    {
      reason: action === 'sign_in' ? resource : action,
      actor,
      ...(action !== 'sign_in' && { app: resource }),
      count: group.reduce((sum, { count = 1 }) => sum + count, 0),
      firstAt: times[0] ?? first.at,
      lastAt: times.at(-1) ?? first.at,
      traceIds: [...new Set(group.map(({ traceId }) => traceId).filter(Boolean))].slice(0, MAX_TRACES),
    },
  ];
}

/** Why a group was refused, which rule decided and what to do. `critical` where it is what somebody asked about by its trace. */
export function explainRefusals(group: RefusalGroup, severity: 'warning' | 'critical'): Finding {
  const { reason, actor, app, count, firstAt, lastAt, traceIds } = group;
  const who =
    actor === 'unknown' || actor === 'various' ? 'a caller whom nobody let in' : `the user ${actor}`;
  const times = count === 1 ? 'a request' : `${count} requests`;
  const evidence = { reason, actor, ...(app !== undefined && { app }), count, firstAt, lastAt, traceIds };
  if (isReason(reason)) {
    const { what, rule, remedy } = reasons[reason];
    return {
      rule: `sign_in_${reason}`,
      severity: reason === 'missing' ? 'info' : severity,
      message: `${times} of ${who} ${count === 1 ? 'was' : 'were'} refused: ${what}`,
      evidence: { ...evidence, heldTo: rule },
      remedy,
    };
  }
  const having = isPermission(reason) ? rolesWith(reason).map((role) => `Gateway.${role}`) : [];
  return {
    rule: 'permission_lacking',
    severity,
    message: `${times} of ${who} ${count === 1 ? 'was' : 'were'} refused by the ${app ?? ''} app: their roles do not include the permission ${reason}`,
    evidence: { ...evidence, heldTo: `The permission ${reason} is of ${having.join(', ') || 'no role'}.` },
    remedy:
      having.length === 0
        ? 'There is no such permission in this version: see whether the apps run the same build.'
        : `Give the user one of ${having.join(', ')}, if they are to do this.`,
  };
}

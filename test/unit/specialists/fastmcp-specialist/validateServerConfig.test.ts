import { describe, expect, test } from 'vitest';
import type { OutboundTo } from '../../../../shared/gateway/upstream/outboundTo.ts';
import type { SeenHealth } from '../../../../shared/gateway/upstream/serverHealth.ts';
import {
  type CredentialOwner,
  FIRST_USER,
} from '../../../../shared/identity/credentials/credentialSources.ts';
import { InfrastructureError } from '../../../../shared/platform/base/errors.ts';
import { openOutboundClient } from '../../../../shared/platform/outbound/outboundClient.ts';
import { validateServerConfig } from '../../../../shared/specialists/fastmcp-specialist/validateServerConfig.ts';
import { caller } from '../../../support/engine.ts';
import { serverRecord } from '../../../support/serverRecord.ts';
import { taskHelpers } from '../../../support/taskRun.ts';

/** Refused by the address rules of the guard, so that nothing is connected. */
const plain = { url: 'http://10.0.0.1/mcp' };
const personal = { ...plain, upstream: { headers: { authorization: { credential: 'own' } } } };

const crm = serverRecord({ slug: 'crm', url: plain.url });

async function validate(target: object, token: () => Promise<string | undefined>) {
  let tokensAsked = 0;
  let connections = 0;
  const outbound = openOutboundClient('public');
  const called: { slug: string | undefined; owner: CredentialOwner }[] = [];
  const outboundTo: OutboundTo = ({ slug }, owner) => {
    connections += 1;
    called.push({ slug, owner: owner?.() });
    return outbound;
  };
  const noted: SeenHealth[] = [];
  const task = validateServerConfig({
    outboundTo,
    noteHealth: (_tenantId, _server, seen) => void noted.push(seen),
    credentials: {
      isPersonal: (name) => name === 'own' || name === 'user-account',
      isAccount: (name) => name === 'user-account',
    },
    servers: {
      find: (_tenantId, slug) => Promise.resolve(slug === 'crm' ? { value: crm, etag: '1' } : undefined),
    },
  });
  const helpers = taskHelpers(5_000, {
    actor: caller.actor,
    token: () => {
      tokensAsked += 1;
      return token();
    },
  });
  const outcome = await task.execute(target, helpers).finally(() => outbound.close());
  return { outcome, tokensAsked, connections, noted, called };
}

const away = () => Promise.reject(new InfrastructureError('redis', 'get', undefined));

test('a server that takes no sign-in of a user is validated without the session, also while Redis is away', async () => {
  expect(await validate(plain, away)).toMatchObject({
    tokensAsked: 0,
    connections: 1,
    outcome: { success: false, error: { message: expect.stringContaining('The server') as string } },
  });
});

test('a server that takes one is not called without it, and the failure says to ask again', async () => {
  expect(await validate(personal, () => Promise.resolve(undefined))).toMatchObject({
    connections: 0,
    outcome: {
      error: { kind: 'unauthenticated', message: expect.stringContaining('ask again') as string },
    },
  });
});

test('and is tried again while Redis is away', async () => {
  await expect(validate(personal, away)).rejects.toThrow(InfrastructureError);
});

test('a failed refresh becomes the health of the registered server; a failed validation of a new one does not', async () => {
  const { noted, outcome } = await validate({ ...plain, slug: 'stock' }, away);
  const { message } = outcome.success ? { message: '' } : outcome.error;
  expect(noted).toEqual([{ status: 'failed', reason: message }]);
  expect((await validate(plain, away)).noted).toEqual([]);
});

describe('a server at which each user has an account', () => {
  const upstream = { headers: { authorization: { credential: 'user-account' } } };

  test('is called as its first user, without the session of the person who registers it', async () => {
    const { called, tokensAsked } = await validate({ ...plain, upstream, accountsAt: 'crm' }, away);
    expect(called).toEqual([{ slug: 'crm', owner: FIRST_USER }]);
    expect(tokensAsked).toBe(0);
  });

  test.each<{ change: object; why: string }>([
    { change: { url: 'http://10.0.0.2/mcp' }, why: 'another URL than that of the record' },
    { change: { sealedUrl: 'sealed' }, why: 'another hidden part of the URL' },
    { change: { accountsAt: 'other' }, why: 'no server of this slug' },
    { change: { accountsAt: undefined }, why: 'no slug' },
  ])('gives no account of its users to $change: $why', async ({ change }) => {
    const { called } = await validate({ ...plain, upstream, accountsAt: 'crm', ...change }, away);
    expect(called.map(({ slug }) => slug)).toEqual([undefined]);
  });
});

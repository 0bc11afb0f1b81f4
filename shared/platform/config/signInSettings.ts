import * as z from 'zod';
import { clientsSchema, grantIssuersSchema, rateLimitsSchema } from './config.ts';
import { critical, json, setting, warning } from './defineSetting.ts';

/** The settings of the sign-in that the gateway itself offers to MCP clients, and of its limits. */
export const signInSettings = {
  MREG_SIGN_IN_CLIENT_ID: setting(
    {
      required: 'no',
      doc: 'client id of the registration with which the gateway signs people in; without it, clients sign in to Entra themselves',
      comparable: ({ signInClientId }) => signInClientId,
      ifDifferent: critical('one app rejects the tokens that the other issues'),
    },
    z.guid('must be a GUID').optional(),
  ),
  MREG_SIGN_IN_CLIENT_SECRET: setting(
    {
      required: 'no',
      doc: 'secret of that registration; the managed identity proves it when absent',
      secretsIn: ({ signInClientSecret }) => (signInClientSecret === undefined ? [] : [signInClientSecret]),
      // Two secrets of one registration are equally good.
      comparable: ({ signInClientSecret }) => signInClientSecret !== undefined,
      ifDifferent: warning('one app signs in to Entra with the secret, the other with its managed identity'),
    },
    z.string().min(1, 'must not be empty').optional(),
  ),
  MREG_CLIENTS: setting(
    {
      required: 'no',
      doc: '[MCP clients that are known beforehand](sign-in.md), as JSON; the same in both apps',
      secretsIn: ({ clients }) => Object.values(clients).flatMap(({ secret }) => secret ?? []),
      comparable: ({ clients }) =>
        Object.fromEntries(
          Object.entries(clients).map(([id, { secret, ...client }]) => [
            id,
            { ...client, isPublic: secret === undefined },
          ]),
        ),
      ifDifferent: warning('the apps know different clients'),
    },
    json(
      clientsSchema,
      '{"our-agent": {"name": "Our agent", "redirectUris": ["http://127.0.0.1/callback"]}}',
    ).default({}),
  ),
  MREG_GRANT_ISSUERS: setting(
    {
      required: 'no',
      doc: '[issuers whose identity assertions are accepted](sign-in.md) (ID-JAG), as JSON; none when absent',
      comparable: ({ grantIssuers }) => grantIssuers,
      ifDifferent: warning('the apps trust different issuers'),
    },
    json(
      grantIssuersSchema,
      '{"https://acme.okta.com": {"tenant": "GUID", "jwksUri": "https://acme.okta.com/oauth2/v1/keys"}}',
    ).default({}),
  ),
  MREG_RATE_LIMITS: setting(
    {
      required: 'no',
      doc: '[limits of requests](security.md) for an address and for a user or an app, as JSON',
      comparable: ({ rateLimits }) => rateLimits,
      ifDifferent: warning('one app rejects requests sooner than the other'),
    },
    json(rateLimitsSchema, '{"principal": {"perSecond": 200, "burst": 1000}}').default({
      address: { perSecond: 50, burst: 200 },
      principal: { perSecond: 200, burst: 1_000 },
    }),
  ),
};

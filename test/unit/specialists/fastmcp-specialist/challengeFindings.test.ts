import { describe, expect, test } from 'vitest';
import type { EndpointAnswer } from '../../../../shared/specialists/callEndpoint.ts';
import {
  bearerChallenge,
  challengeFindings,
  type Observed,
} from '../../../../shared/specialists/fastmcp-specialist/challengeFindings.ts';

const origin = 'https://mcp.contoso.com';
const resource = {
  kind: 'aggregate',
  resource: `${origin}/mcp`,
  metadataUrl: `${origin}/.well-known/oauth-protected-resource/mcp`,
};
const expected = {
  scope: 'api://client/mcp.access',
  authorizationServers: ['https://login.example/t1/v2.0'],
};

const answer = (status: number, headers: EndpointAnswer['headers'], body: unknown = {}): EndpointAnswer => ({
  status,
  headers,
  body,
  bytes: 1,
  durationMs: 1,
});
const refused = (challenge?: string) =>
  answer(401, challenge === undefined ? {} : { 'www-authenticate': challenge });
const sound = `Bearer resource_metadata="${resource.metadataUrl}", scope="${expected.scope}"`;
const document = {
  resource: resource.resource,
  authorization_servers: expected.authorizationServers,
  scopes_supported: [expected.scope],
  bearer_methods_supported: ['header'],
};
const json = { 'content-type': 'application/json' };
const observed = (more: Partial<Observed> = {}): Observed => ({
  withoutToken: { POST: refused(sound) },
  withBadToken: refused(`${sound}, error="invalid_token"`),
  metadata: answer(200, json, document),
  ...more,
});
const rules = (more: Partial<Observed>) =>
  challengeFindings(resource, observed(more), expected).map(({ rule }) => rule);
const post = (challenge?: string) => ({ withoutToken: { POST: refused(challenge) } });
const metadata = (more: object, headers: EndpointAnswer['headers'] = json) => ({
  metadata: answer(200, headers, { ...document, ...more }),
});

test('an endpoint that is as it must be has no finding', () => {
  expect(rules({})).toEqual([]);
  expect(rules(metadata({}, { 'content-type': 'Application/JSON; charset=utf-8' }))).toEqual([]);
});

describe('what keeps clients from signing in is found', () => {
  test.each<[string, Partial<Observed>, string]>([
    ['no answer', { withoutToken: { POST: 'connection refused' } }, 'challenge_unanswered'],
    ['let in without a token', { withoutToken: { POST: answer(200, {}) } }, 'challenge_status'],
    ['a redirect to a page of sign-in', { withoutToken: { GET: answer(302, {}) } }, 'challenge_status'],
    ['no challenge', post(), 'challenge_missing'],
    ['another scheme', post('Basic realm="x"'), 'challenge_missing'],
    ['no resource_metadata', post(`Bearer scope="${expected.scope}"`), 'challenge_without_metadata'],
    [
      'the metadata of another host',
      post(sound.replace('mcp.contoso.com', 'internal.example')),
      'challenge_metadata_elsewhere',
    ],
    ['no scope', post(`Bearer resource_metadata="${resource.metadataUrl}"`), 'challenge_scope'],
    ['an error without a token', post(`${sound}, error="invalid_token"`), 'challenge_with_error'],
    ['a bad token that is let in', { withBadToken: answer(200, {}) }, 'bad_token_answer'],
    ['a bad token without a reason', { withBadToken: refused(sound) }, 'bad_token_answer'],
    ['metadata that cannot be had', { metadata: 'no answer in time' }, 'metadata_unreachable'],
    ['metadata that wants a token', { metadata: answer(401, {}) }, 'metadata_status'],
    ['metadata that is a page', metadata({}, { 'content-type': 'text/html' }), 'metadata_form'],
    ['metadata of another resource', metadata({ resource: `${origin}/` }), 'metadata_resource'],
    ['a resource with a slash more', metadata({ resource: `${origin}/mcp/` }), 'metadata_resource'],
    ['no authorization server', metadata({ authorization_servers: [] }), 'metadata_authorization_servers'],
    [
      'a tenant that is missing',
      metadata({ authorization_servers: ['https://x'] }),
      'metadata_authorization_servers',
    ],
    ['no scope to ask for', metadata({ scopes_supported: undefined }), 'metadata_scopes'],
    ['no way to send tokens', metadata({ bearer_methods_supported: ['body'] }), 'metadata_bearer_methods'],
  ])('%s', (_, more, rule) => {
    expect(rules(more)).toEqual([rule]);
  });
});

test.each([
  ['Bearer', {}],
  ['bearer a="1", B_c="x y"', { a: '1', b_c: 'x y' }],
  [['Bearer a="1"'], { a: '1' }],
  ['Negotiate', undefined],
  ['Bearerish a="1"', undefined],
  [undefined, undefined],
])('the challenge %j reads as %j', (header, parameters) => {
  expect(bearerChallenge({ headers: { 'www-authenticate': header } })).toEqual(parameters);
});

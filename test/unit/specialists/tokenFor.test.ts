import { UnsecuredJWT } from 'jose';
import { expect, test } from 'vitest';
import { resourceOfApp, tokenFor } from '../../../shared/specialists/callEndpoint.ts';
import { testConfig } from '../../support/config.ts';

const config = testConfig();
const token = (aud: string) => new UnsecuredJWT({ aud }).encode();

test('a token of the gateway itself is sent to its own endpoint only, one of Entra to every endpoint', () => {
  const [management, mcp] = (['management', 'mcp'] as const).map((app) => resourceOfApp(app, config));
  expect([management, mcp]).toEqual(['https://registry.contoso.com', 'https://mcp.contoso.com/mcp']);
  const stock = 'https://mcp.contoso.com/servers/stock/mcp';
  for (const resource of [management ?? '', mcp ?? '', stock]) {
    for (const own of [management ?? '', mcp ?? '', stock])
      expect(tokenFor(resource, token(own), config)).toBe(own === resource ? token(own) : undefined);
    const ofEntra = token(config.apiClientId);
    expect(tokenFor(resource, ofEntra, config)).toBe(ofEntra);
    expect(tokenFor(resource, undefined, config)).toBeUndefined();
  }
});

import { roles } from '../../../shared/identity/access/actor.ts';
import {
  apiClientId,
  clientAppId,
  defaultTenant,
  defaultUser,
  localClientSecret,
  secondTenant,
  signInClientId,
} from '../defaults.ts';
import type { Directory, Person } from './directory.ts';

/** Where the apps are. The issuer knows them as Entra does: by their registration. */
export interface AppOrigins {
  readonly mcp: string;
  readonly management: string;
}

/** Returns what is registered on this machine: one person for each role in each of two tenants, and the clients of the gateway. */
export function localDirectory({ mcp, management }: AppOrigins): Directory {
  const endpoint = `${mcp}/mcp`;
  const proof = { kind: 'secret', secret: localClientSecret } as const;
  return {
    tenants: { [defaultTenant]: 'Contoso', [secondTenant]: 'Fabrikam' },
    people: [...contoso, ...fabrikam],
    clients: [
      {
        id: signInClientId,
        name: 'MCP Registry Gateway',
        redirectUris: [`${mcp}/oauth/callback`, `${management}/portal/callback`],
        proof,
      },
      { id: apiClientId, name: 'MCP Registry Gateway API', redirectUris: [], proof },
      { id: clientAppId, name: 'Local MCP client', redirectUris: 'loopback', proof: { kind: 'none' } },
    ],
    api: {
      clientId: apiClientId,
      identifierUris: [`api://${apiClientId}`, endpoint, `${endpoint}?tenant=${secondTenant}`],
    },
  };
}

const contoso = peopleOf(defaultTenant, 'contoso.example', [
  ['Adele Admin', defaultUser],
  ['Oscar Operator', '2c8e5b17-40d6-4f9a-b3c1-7a6d9e0f1b24'],
  ['Aiko Auditor', '3d9f6c28-51e7-4a0b-84d2-8b7e0f1a2c35'],
  ['Uma User', '4eaf7d39-62f8-4b1c-95e3-9c8f1a2b3d46'],
]);
const fabrikam = peopleOf(secondTenant, 'fabrikam.example', [
  ['Alan Admin', '5fb08e4a-7309-4c2d-a6f4-0d9a2b3c4e57'],
  ['Olga Operator', '60c19f5b-841a-4d3e-b705-1eab3c4d5f68'],
  ['Arun Auditor', '71d2a06c-952b-4e4f-8816-2fbc4d5e6a79'],
  ['Ursula User', '82e3b17d-a63c-4f50-9927-30cd5e6f7b8a'],
]);

/** The people of a tenant, one for each role. */
function peopleOf(
  tenant: string,
  domain: string,
  named: readonly (readonly [name: string, oid: string])[],
): readonly Person[] {
  return roles.map((role, index) => {
    const [name = role, oid = ''] = named[index] ?? [];
    return { tenant, oid, name, username: `${role.toLowerCase()}@${domain}`, roles: [role] };
  });
}

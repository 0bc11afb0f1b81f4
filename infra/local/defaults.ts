import topology from '../topology.json' with { type: 'json' };

/** Tenant and user of the local issuer's tokens, unless the request names others. */
export const defaultTenant = '5f0c1d7e-2a44-4b7f-9d3c-6e0f8a1b2c3d';
export const defaultUser = 'b7a1f0c2-93d5-4c1e-8f26-0d4e5a6b7c8d';
/** A second tenant, to show that tenants do not see each other's data. */
export const secondTenant = '8e3b6a90-71c4-4d52-a0fe-3b9d2c1e4f5a';
/** The API's app registration: the audience of every token. */
export const apiClientId = 'c4d0e9b8-5f61-4a3e-b2d7-1f8c6a7e9d0b';
/** The client application that users sign in with. */
export const clientAppId = '1a9f7c3e-d8b2-4e60-95a4-7c2d0b8e6f13';

/** The confidential client with which the gateway signs people in, and its secret at the local issuer. */
export const signInClientId = '6d2b8f04-3e7a-4c95-8b1d-a0c9e4f7d512';
/** The client secret with which the gateway exchanges a user's token at the local issuer. */
export const localClientSecret = 'known-to-everybody-on-this-machine';
/** The sealing key of `local.settings.example.json`. `npm start` creates its own key. Production rejects this one. */
export const exampleSealingKey = 'known-to-everybody-who-reads-the-example';

export type Ports = Readonly<Record<PortName, number>>;
export type PortName =
  | 'management'
  | 'mcp'
  | 'issuer'
  | 'serviceBus'
  | 'redis'
  | 'blob'
  | 'queue'
  | 'table'
  | 'inventory'
  | 'toolbox';

/** Every port moved by `offset`, so that two checkouts run side by side. */
export function portsFor(offset: number): Ports {
  return {
    management: appPort('management') + offset,
    mcp: appPort('mcp') + offset,
    issuer: 8002 + offset,
    serviceBus: 5672 + offset,
    redis: 6379 + offset,
    blob: 10_000 + offset,
    queue: 10_001 + offset,
    table: 10_002 + offset,
    inventory: 8011 + offset,
    toolbox: 8012 + offset,
  };
}

/** The largest offset that leaves every port a port. */
export const maxPortOffset = 65_535 - Math.max(...Object.values(portsFor(0)));

export const localOrigin = (port: number): string => `http://127.0.0.1:${port}`;

function appPort(name: string): number {
  const app = topology.apps.find((candidate) => candidate.name === name);
  if (!app) throw new Error(`infra/topology.json has no app '${name}'`);
  return app.localPort;
}

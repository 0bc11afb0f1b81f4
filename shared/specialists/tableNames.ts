/** The tables that the apps stand on, as `infra/topology.json` lists them. */
export const tableNames = [
  'servers',
  'toolsets',
  'plans',
  'delegations',
  'state',
  'audit',
  'serverVersions',
  'registryLinks',
  'registrySync',
] as const;
export type TableName = (typeof tableNames)[number];

/** The dependencies of the apps that are stores of the registry and of the work of agents. */
export const storeNames = [
  'servers',
  'visibleServers',
  'toolsets',
  'versions',
  'links',
  'syncs',
  'plans',
  'delegations',
] as const;

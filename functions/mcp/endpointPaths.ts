/** The paths of the MCP endpoints: all servers, one server, one toolset. */
export const endpointPaths = {
  mcp: 'mcp',
  server: 'servers/{slug}/mcp',
  toolset: 'toolsets/{slug}/mcp',
} as const;

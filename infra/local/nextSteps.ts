import type { Ports } from './defaults.ts';
import { demoUrl } from './processes.ts';
import type { Topology } from './topology.ts';

/** What whoever has just started the topology may want to paste. */
export function nextSteps(
  { urls, ports }: { readonly urls: Topology['urls']; readonly ports: Ports },
  run: {
    readonly demo: boolean;
    readonly portOffset: number;
    readonly logDir: string;
    readonly seconds: string;
  },
): string {
  const offset = run.portOffset === 0 ? '' : ` --port-offset ${run.portOffset}`;
  const token = (role: string) => `npm run --silent token -- --role ${role}${offset}`;
  const example = run.demo
    ? { slug: 'stock', url: demoUrl('inventory', ports) }
    : { slug: 'learn', url: 'https://learn.microsoft.com/api/mcp' };
  const mcp = `${urls.mcp}/mcp`;
  const vsCode = {
    servers: {
      gateway: { type: 'http', url: mcp, headers: { Authorization: 'Bearer <token>' } },
    },
  };
  return `Ready in ${run.seconds} s. Ctrl-C stops everything. From this folder, in another terminal:

  Management API   ${urls.management}
  MCP endpoint     ${mcp}
  Logs             ${run.logDir}
${run.demo ? `  Sample servers   inventory (${urls.inventory}), toolbox (${urls.toolbox}), both registered\n` : ''}
  Get a token, good for an hour:
    ${token('Admin')}

  Register a server:
    curl -sS '${urls.management}/servers?wait=20' -H "Authorization: Bearer $(${token('Admin')})" -H 'Content-Type: application/json' -d '${JSON.stringify(example)}'

  Point Claude Code at the gateway:
    claude mcp add --transport http gateway ${mcp} --header "Authorization: Bearer $(${token('User')})"

  Point VS Code at it (.vscode/mcp.json, with a token of the role User):
    ${JSON.stringify(vsCode)}`;
}

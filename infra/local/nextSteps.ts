import { placeArguments } from './options.ts';
import { demoUrl } from './processes.ts';
import type { Topology } from './topology.ts';

export interface StartedRun {
  readonly demo: boolean;
  readonly withoutApps: boolean;
  readonly portOffset: number;
  readonly dataDir: string;
  readonly logDir: string;
  readonly seconds: string;
}

/** Returns the text after a start: addresses, and commands to paste. */
export function nextSteps(topology: Topology, run: StartedRun): string {
  return run.withoutApps ? appsToStart(topology, run) : whatToTry(topology, run);
}

function whatToTry({ urls, ports, state }: Topology, run: StartedRun): string {
  const offset = run.portOffset === 0 ? '' : ` --port-offset ${run.portOffset}`;
  const token = (role: string) => `npm run --silent token -- --role ${role}${offset}`;
  const example = run.demo
    ? { slug: 'stock', url: demoUrl('inventory', ports) }
    : { slug: 'learn', url: 'https://learn.microsoft.com/api/mcp' };
  const call = run.demo
    ? { name: 'toolbox__convert_units', arguments: { value: 3, from: 'km', to: 'm' } }
    : { name: 'gateway__list_servers', arguments: {} };
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: call };
  const mcp = `${urls.mcp}/mcp`;
  const vsCode = { servers: { gateway: { type: 'http', url: mcp } } };
  return `Ready in ${run.seconds} s. Ctrl-C stops everything. From this folder, in another terminal:

  Management API   ${urls.management}
  MCP endpoint     ${mcp}
  State            ${state.kind === 'redis' ? `Redis on port ${ports.redis}` : `Tables (${state.reason})`}
  Logs             ${run.logDir}
${run.demo ? `  Sample servers   inventory (${urls.inventory}), toolbox (${urls.toolbox}), both registered\n` : ''}
  Connect a client. It opens a browser to sign in: select Continue, and choose a person.
    Claude Code      claude mcp add --transport http gateway ${mcp}    (then /mcp in Claude Code)
    VS Code          ${JSON.stringify(vsCode)}    (in .vscode/mcp.json)
    MCP Inspector    npx @modelcontextprotocol/inspector    (transport Streamable HTTP, URL ${mcp})

  In a script, use a token. It is valid for an hour:
    ${token('Admin')}

  Register a server:
    curl -sS '${urls.management}/servers?wait=20' -H "Authorization: Bearer $(${token('Admin')})" -H 'Content-Type: application/json' -d '${JSON.stringify(example)}'

  Call a tool:
    curl -sS ${mcp} -H "Authorization: Bearer $(${token('User')})" -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -d '${JSON.stringify(message)}'`;
}

function appsToStart({ ports }: Topology, { seconds, portOffset, dataDir }: StartedRun): string {
  const settings =
    portOffset === 0
      ? 'once'
      : `once; then add ${portOffset} to each port of 127.0.0.1 in local.settings.json`;
  return `Ready in ${seconds} s, all but the apps. Ctrl-C stops it. From this folder, each in a terminal of its own:

  cp local.settings.example.json local.settings.json    # ${settings}
  func start --port ${ports.management}
  MREG_APP=mcp AzureFunctionsWebHost__hostid=mreg-mcp func start --port ${ports.mcp}

Or deploy a package of both apps:

  npm run deploy -- --environment local${placeArguments({ portOffset, dataDir })}`;
}

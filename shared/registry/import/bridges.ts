import { readUrl } from '../../platform/base/readUrl.ts';

/** A server behind a bridge: a program that connects a client that speaks stdio to a URL. */
export interface Bridged {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Bridge {
  /** The flags that name the URL. Absent: the first argument that is no flag is the URL. */
  readonly urlFlags?: readonly string[];
}

const BRIDGES: ReadonlyMap<string, Bridge> = new Map<string, Bridge>([
  ['mcp-remote', {}],
  ['mcp-remote-client', {}],
  ['mcp-proxy', {}],
  ['supergateway', { urlFlags: ['--sse', '--streamableHttp'] }],
]);

/** A package, a path or a file of a bridge, with a version or without: `mcp-remote@latest`, `C:\npm\mcp-remote.cmd`. */
const BRIDGE_WORD =
  /(?:^|[\\/@])(mcp-remote|mcp-remote-client|mcp-proxy|supergateway)(?=$|[@\\/]|\.(?:[cm]?js|cmd|exe|ps1)$)/;

/** Flags without a value, and flags with two. All other flags have one. */
const SWITCHES = new Set(
  '--allow-http --debug --silent --enable-proxy --stateless --pass-environment'.split(' '),
);
const PAIRS = new Set(['-H', '--headers']);

/** Returns the server behind a command line, or `undefined` for a program that is no bridge to a URL. */
export function readBridge(command: readonly string[]): Bridged | undefined {
  const words = command.some(isBridge) ? command : command.flatMap(wordsOf);
  const at = words.findLastIndex(isBridge);
  const bridge = BRIDGES.get(BRIDGE_WORD.exec(words[at] ?? '')?.[1] ?? '');
  if (!bridge) return undefined;
  const { flags, positional } = argumentsIn(words.slice(at + 1));
  const { urlFlags } = bridge;
  const url = urlFlags
    ? flags.find(({ name }) => urlFlags.includes(name))?.value
    : positional.find((_, index) => index === 0);
  if (url === undefined || !isWebUrl(url)) return undefined;
  return { url, headers: Object.fromEntries(flags.flatMap(headerOf)) };
}

const isBridge = (word: string): boolean => BRIDGE_WORD.test(word) && !/^\w+:\/\//.test(word);

const isWebUrl = (text: string): boolean => /^https?:$/.test(readUrl(text)?.protocol ?? '');

/** Returns the words of a line for a shell, such as `npx mcp-remote https://…` after `-c`. */
const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|[^\s"']+/g)].map(
    ([whole, double, single]) => double ?? single ?? whole,
  );

interface Flag {
  readonly name: string;
  readonly value: string;
}

function argumentsIn(words: readonly string[]): { flags: readonly Flag[]; positional: readonly string[] } {
  const flags: Flag[] = [];
  const positional: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const [, joinedName, joined] = /^(--?[^=\s]+)=(.*)$/s.exec(word) ?? [];
    if (joinedName !== undefined && joined !== undefined) flags.push({ name: joinedName, value: joined });
    else if (SWITCHES.has(word)) continue;
    else if (PAIRS.has(word)) {
      flags.push({ name: '--header', value: `${words[index + 1] ?? ''}: ${words[index + 2] ?? ''}` });
      index += 2;
    } else if (word.startsWith('-')) flags.push({ name: word, value: words[++index] ?? '' });
    else positional.push(word);
  }
  return { flags, positional };
}

/** Returns the header of a flag, such as `--header "X-Region: eu"`. */
function headerOf({ name, value }: Flag): [string, string][] {
  if (name === '--oauth2Bearer') return [['Authorization', `Bearer ${value}`]];
  const colon = value.indexOf(':');
  return name === '--header' && colon > 0
    ? [[value.slice(0, colon).trim(), value.slice(colon + 1).trim()]]
    : [];
}

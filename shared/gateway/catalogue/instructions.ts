import { MAX_INSTRUCTIONS_LENGTH, MAX_SERVER_INSTRUCTIONS_LENGTH } from '../protocol/limits.ts';
import type { ActiveServer } from './catalogue.ts';

/**
 * Returns the instructions of an endpoint in front of several servers: its own, then those of each server under the name of the
 * server. Long ones are cut. Servers without room left are not quoted, because clients put the whole text into each conversation.
 */
export function joinInstructions(own: string, servers: readonly ActiveServer[]): string {
  let text = own;
  for (const { slug, discovery } of servers) {
    const said = discovery.instructions?.trim() ?? '';
    if (said === '') continue;
    const cut = said.length > MAX_SERVER_INSTRUCTIONS_LENGTH;
    const part = `\n\n## Server ${slug}\n${cut ? `${said.slice(0, MAX_SERVER_INSTRUCTIONS_LENGTH)} …` : said}`;
    if (text.length + part.length <= MAX_INSTRUCTIONS_LENGTH) text += part;
  }
  return text.toWellFormed();
}

import { parse as parseToml } from 'smol-toml';
import stripJsonComments from 'strip-json-comments';
import { parseJson } from '../../platform/base/json.ts';
import { invalid, type Result, succeed } from '../../platform/base/result.ts';
import { MAX_TOML_LENGTH } from '../limits.ts';

/**
 * Returns the value of a document in JSON, in JSON with comments and trailing commas, or in TOML. It is UTF-8, or UTF-16 with a
 * byte order mark, as PowerShell writes it. Failure: `invalid`, which quotes nothing.
 */
export function parseDocument(bytes: Uint8Array): Result<unknown> {
  const text = textOf(bytes);
  const value = text === undefined ? undefined : parseDocumentText(text);
  return value === undefined ? invalid('', UNREADABLE) : succeed(value);
}

const UNREADABLE = 'the document is neither JSON nor TOML in UTF-8';

/** Does the same for a text. Returns `undefined` for any other text. */
export function parseDocumentText(marked: string): unknown {
  const text = marked.replace(/^\ufeff/, '');
  return parseJson(text) ?? parseJson(stripJsonComments(text, { trailingCommas: true })) ?? tomlOf(text);
}

function textOf(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function tomlOf(text: string): unknown {
  // Any blank text is an empty TOML document.
  if (text.length > MAX_TOML_LENGTH || text.trim() === '') return undefined;
  try {
    return parseToml(text);
  } catch {
    return undefined;
  }
}

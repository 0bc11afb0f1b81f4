import { boundedLine } from '../../shared/platform/base/boundedLine.ts';
import { readBoundedBody } from '../../shared/platform/base/readBounded.ts';
import { LocalError } from '../local/localError.ts';

/** Far longer than any answer that a deployment asks for. */
const MAX_BYTES = 4 * 1_024 * 1_024;
const MAX_SHOWN = 300;

/** Returns the body of an answer. @throws LocalError when it is too long to be an answer of a gateway. */
export async function bodyOf(response: Response): Promise<string> {
  const bytes = await readBoundedBody(response, MAX_BYTES);
  if (bytes) return Buffer.from(bytes).toString('utf8');
  throw new LocalError(`${response.url} answered with more than ${MAX_BYTES} bytes`);
}

/** Returns a text of a gateway as one short line. */
export const shown = (text: string): string => boundedLine(text, MAX_SHOWN);

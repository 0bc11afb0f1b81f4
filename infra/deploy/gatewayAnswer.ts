import { readBounded } from '../../shared/platform/base/readBounded.ts';
import { LocalError } from '../local/localError.ts';

/** Far longer than any answer that a deployment asks for. */
const MAX_BYTES = 4 * 1_024 * 1_024;
const MAX_SHOWN = 300;

/** Returns the body of an answer. @throws LocalError when it is too long to be an answer of a gateway. */
export async function bodyOf(response: Response): Promise<string> {
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
  const bytes = await readBounded(async () => (await reader?.read())?.value, MAX_BYTES);
  if (bytes) return Buffer.from(bytes).toString('utf8');
  await reader?.cancel();
  throw new LocalError(`${response.url} answered with more than ${MAX_BYTES} bytes`);
}

/** Returns a text of a gateway as one short line. A terminal or a log of a pipeline would act on control characters. */
export const shown = (text: string): string =>
  text
    .slice(0, 2 * MAX_SHOWN)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .slice(0, MAX_SHOWN);

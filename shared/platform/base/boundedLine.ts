/**
 * Returns a text of a stranger as one line of at most `maxLength` printable characters. A terminal or a log of a pipeline would act
 * on control characters.
 */
export const boundedLine = (text: string, maxLength: number): string =>
  text
    .slice(0, 2 * maxLength)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, maxLength);

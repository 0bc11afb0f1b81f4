import { holdsToken, isSecretName } from './secretNames.ts';

/** The marker in place of a secret value. It is valid in a URL, and no parser changes it. */
export const HIDDEN = '[hidden]';
const ENCODED = /%5Bhidden%5D/gi;

/** Returns whether the text holds the marker in the place of a value. */
export const holdsHidden = (text: string): boolean => text.replace(ENCODED, HIDDEN).includes(HIDDEN);

/** Returns the URL with the marker as `hideUrlSecrets` writes it. */
export const withPlainMarker = (url: string): string => url.replace(ENCODED, HIDDEN);

interface Parts {
  readonly hidden: string;
  /** Names of the parameters, and the values that were hidden, as they stand and decoded. */
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** Returns the URL with each secret value replaced by the marker: of parameters by their name, and of tokens by their form. */
export const hideUrlSecrets = (url: string): string => partsOf(url).hidden;

/** Returns what names the secrets of the URL: parameters by their name, or `path`. Empty where there is none. */
export const secretsNamedIn = (url: string): readonly string[] => partsOf(url).names;

/** Returns the secret values of the URL, each as it stands and decoded. */
export const secretsIn = (url: string): readonly string[] => partsOf(url).values;

function partsOf(url: string): Parts {
  const [, base = '', query] = /^([^?#]*)(?:\?([^#]*))?/s.exec(url) ?? [];
  const rest = url.slice(base.length + (query === undefined ? 0 : query.length + 1));
  const names: string[] = [];
  const values: string[] = [];
  const hide = (name: string, value: string) => {
    names.push(name);
    values.push(...new Set(readings(value).flatMap((reading) => [reading, decoded(reading)])));
    return HIDDEN;
  };
  const hiddenBase = base
    .split('/')
    .map((segment, index) => (index > 2 && holdsToken(decoded(segment)) ? hide('path', segment) : segment))
    .join('/');
  const hiddenQuery = query
    ?.split('&')
    .map((part) => hidePart(part, hide))
    .join('&');
  return { hidden: hiddenBase + (hiddenQuery === undefined ? '' : `?${hiddenQuery}`) + rest, names, values };
}

/**
 * A part of a query between two `&`. Some servers take `;` for another `&`, and to others it belongs to the value: so all that
 * follows a secret is hidden with it.
 */
function hidePart(part: string, hide: (name: string, value: string) => string): string {
  const pieces = part.split(';');
  for (const [index, piece] of pieces.entries()) {
    const equals = piece.indexOf('=');
    const name = equals === -1 ? '' : piece.slice(0, equals);
    const value = piece.slice(equals + 1);
    if (value === '' || holdsHidden(value)) continue;
    const isSecret = equals === -1 ? holdsToken(decoded(value)) : isSecretName(decoded(name));
    if (!isSecret && (equals === -1 || !holdsSecret(decoded(value)))) continue;
    const before = pieces.slice(0, index).map((earlier) => `${earlier};`);
    const from = before.join('').length + equals + 1;
    const hidden = hide(equals === -1 ? 'query' : shownName(name), part.slice(from));
    return `${before.join('')}${equals === -1 ? '' : `${name}=`}${hidden}`;
  }
  return part;
}

/** What servers may take for secret values: all of it and, where `;` ends a value, each. */
function readings(value: string): readonly string[] {
  const [first = '', ...rest] = value.split(';');
  return [value, first, ...rest.map((piece) => piece.slice(piece.indexOf('=') + 1))].filter(
    (reading) => reading !== '',
  );
}

/** A value that is a token, or a URL with a secret of its own. */
const holdsSecret = (value: string): boolean =>
  holdsToken(value) ||
  /:\/\/[^/?#@\s]+@/.test(value) ||
  [...value.matchAll(/[?&;]([^&;=?]+)=[^&;]/g)].some(([, name = '']) => isSecretName(name));

const shownName = (name: string): string => (/^[\w.-]{1,60}$/.test(decoded(name)) ? decoded(name) : 'query');

/** As servers read it: a percent sign that escapes nothing stands for itself (URL standard, section 5.1). */
const decoded = (text: string): string =>
  new URLSearchParams(`value=${text.replaceAll('&', '%26')}`).get('value') ?? text;

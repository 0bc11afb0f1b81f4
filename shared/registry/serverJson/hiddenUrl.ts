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
    values.push(...new Set([value, decoded(value)]));
    return HIDDEN;
  };
  const hiddenBase = base
    .split('/')
    .map((segment, index) => (index > 2 && holdsToken(decoded(segment)) ? hide('path', segment) : segment))
    .join('/');
  const hiddenQuery = query?.replace(
    /([^&;=]*)(?:(=)([^&;]*))?/g,
    (pair, name: string, equals: string | undefined, value: string = '') => {
      if (equals === undefined) return holdsToken(decoded(name)) ? hide('query', name) : pair;
      if (value === '' || holdsHidden(value)) return pair;
      return isSecretName(decoded(name)) || holdsSecret(decoded(value))
        ? `${name}=${hide(shownName(name), value)}`
        : pair;
    },
  );
  return { hidden: hiddenBase + (hiddenQuery === undefined ? '' : `?${hiddenQuery}`) + rest, names, values };
}

/** A value that is a token, or a URL with a secret of its own. */
const holdsSecret = (value: string): boolean =>
  holdsToken(value) ||
  [...value.matchAll(/[?&;]([^&;=?]+)=[^&;]/g)].some(([, name = '']) => isSecretName(name));

const shownName = (name: string): string => (/^[\w.-]{1,60}$/.test(decoded(name)) ? decoded(name) : 'query');

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

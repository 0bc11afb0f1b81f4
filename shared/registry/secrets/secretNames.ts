/** Names of headers and URL parameters. The list is wide: a wrong match costs little there. */
const SECRET_NAME =
  /auth|token|secret|passw|passphrase|pwd|cookie|credential|session|signature|bearer|jwt|hmac|ticket|assertion|api[-_.]?key|key\d*$|^(?:code|sig|sign|sas|pass|pat|otp|pin|ak|sk)$/i;

/** Returns whether a header or a URL parameter of this name is likely to hold a secret. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

/** Last words of names of environment variables, arguments and fields whose value is a secret. */
const secretWords = new Set(
  'token secret password passwd pwd passphrase apikey authorization cookie credential credentials pat jwt bearer'.split(
    ' ',
  ),
);
/** `SORT_KEY` is no secret, `API_KEY` is. */
const keyKinds = new Set(
  'api access secret private subscription function functions account auth master host client signing encryption license admin service shared app'.split(
    ' ',
  ),
);

/** Returns whether an environment variable, an argument or a field of this name holds a secret: `API_KEY`, `--auth-token`. */
export function isSecretVariable(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== '');
  const last = words.at(-1) ?? '';
  return secretWords.has(last) || (last === 'key' && keyKinds.has(words.at(-2) ?? ''));
}

/** Forms of tokens and keys of well-known issuers. Each is bounded, so that a stranger's text is searched in linear time. */
const TOKEN_FORMS = [
  /\bgh[pousr]_\w{20,}/,
  /\bgithub_pat_\w{20,}/,
  /\bglpat-[\w-]{16,}/,
  /\bsk-[\w-]{20,}/,
  /\b[rs]k_(?:live|test)_\w{16,}/,
  /\bxox[abeprs]-[\w-]{10,}/,
  /\bnpm_\w{30,}/,
  /\bhf_[A-Za-z\d]{30,}/,
  /\bAKIA[A-Z\d]{16}\b/,
  /\bAIza[\w-]{35}/,
  /\bSG\.[\w-]{16,64}\.[\w-]{16,}/,
  /\beyJ[\w-]{8,300}\.eyJ[\w-]{8}/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)=[\w+/%=-]{16,}/i,
  /\b(?:Bearer|Basic)\s{1,5}[\w+/.~=-]{16,}/i,
] as const;

/** Returns whether the text holds a token or key of a well-known form. */
export const holdsToken = (text: string): boolean =>
  text.length >= 20 && TOKEN_FORMS.some((form) => form.test(text));

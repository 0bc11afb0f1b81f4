import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { type Check, each, failed, type Judgement, notApplicable, passed, type Subject } from './check.ts';
import { allItems, isAbsentOr, isString, itemsOf } from './look.ts';

const both = (path: string) => ({ legacy: `2025-11-25/server/${path}`, modern: `2026-07-28/server/${path}` });

/** Fails where a value of the key comes a second time; `none` says why there is nothing to compare. */
export function repeated(subjects: readonly Subject<JsonObject>[], key: string, none: string): Judgement {
  if (subjects.length === 0) return notApplicable(none);
  const seen = new Set<string>();
  const again = new Set<string>();
  for (const value of subjects.map((subject) => subject.value[key]).filter(isString))
    (seen.has(value) ? again : seen).add(value);
  const twice = [...again];
  const where = twice.slice(0, 5).map((value) => value.slice(0, 80));
  return twice.length === 0
    ? passed({ looked: subjects.length })
    : failed(`${where.join(', ')} ${twice.length === 1 ? 'is' : 'are'} listed more than once`, { where });
}

const isShare = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 1;
const isAudience = (value: unknown): boolean =>
  Array.isArray(value) && value.every((role) => role === 'user' || role === 'assistant');

/** More than any client sends; a regular expression over megabytes runs out of its stack. */
const MAX_URI_LENGTH = 64 * 1024;
/** Braces that open and close one after another, as RFC 6570 has them. */
const isTemplate = (text: string): boolean =>
  text !== '' && text.length <= MAX_URI_LENGTH && /^(?:[^{}]|\{[^{}]+\})*$/.test(text);
/** RFC 3986 section 3: a scheme, a colon, and no white space or control character anywhere. Letters of other scripts pass, as IRIs do. */
const isUri = (text: string): boolean =>
  text.length <= MAX_URI_LENGTH && /^[A-Za-z][A-Za-z0-9+.-]*:[!-~\u0080-\uffff]*$/.test(text);

/** Prompts, resources and templates, and what all items have. */
export const catalogueChecks: readonly Check[] = [
  {
    id: 'item_texts_are_strings',
    spec: both('tools#data-types'),
    severity: 'critical',
    requires: 'title and description are strings.',
    remedy: 'Write a string, or leave the field out; null is neither.',
    judge: (transcript) =>
      each(allItems(transcript), 'it lists nothing', ({ title, description }) =>
        isAbsentOr(isString)(title) && isAbsentOr(isString)(description) ? undefined : 'one of them is none',
      ),
  },
  {
    id: 'prompt_has_name',
    spec: both('prompts#prompt'),
    severity: 'critical',
    requires: 'A prompt has a name.',
    remedy: 'Give the prompt a name: it cannot be asked for without.',
    judge: (transcript) =>
      each(itemsOf(transcript, 'prompts'), 'it lists no prompts', ({ name }) =>
        isString(name) && name !== '' ? undefined : 'it has no name',
      ),
  },
  {
    id: 'prompt_names_unique',
    spec: both('prompts#prompt'),
    severity: 'warning',
    requires: 'No two prompts have one name.',
    remedy: 'Rename one of them.',
    judge: (transcript) => repeated(itemsOf(transcript, 'prompts'), 'name', 'it lists no prompts'),
  },
  {
    id: 'prompt_arguments_shape',
    spec: both('prompts#prompt'),
    severity: 'critical',
    requires: 'The arguments of a prompt are an array of objects with a name; required is true or false.',
    remedy: 'List the arguments, each with its name.',
    judge: (transcript) =>
      each(
        itemsOf(transcript, 'prompts').filter(({ value }) => 'arguments' in value),
        'no prompt has arguments',
        (prompt) => {
          const args = prompt['arguments'];
          const isArgument = (value: unknown): boolean =>
            isObject(value) &&
            isString(value['name']) &&
            isAbsentOr((flag) => typeof flag === 'boolean')(value['required']);
          return Array.isArray(args) && args.every(isArgument) ? undefined : 'they have another form';
        },
      ),
  },
  {
    id: 'resource_has_uri',
    spec: both('resources#resource'),
    severity: 'critical',
    requires: 'A resource has a URI, as RFC 3986 has it.',
    remedy: 'Give the resource a URI with a scheme, and encode what a URI cannot hold.',
    judge: (transcript) =>
      each(itemsOf(transcript, 'resources'), 'it lists no resources', ({ uri }) =>
        isString(uri) && isUri(uri) ? undefined : 'it has none',
      ),
  },
  {
    id: 'resource_has_name',
    spec: both('resources#resource'),
    severity: 'critical',
    requires: 'A resource has a name.',
    remedy: 'Give the resource a name; its URI may serve as one.',
    judge: (transcript) =>
      each(itemsOf(transcript, 'resources'), 'it lists no resources', ({ name }) =>
        isString(name) ? undefined : 'it has no name',
      ),
  },
  {
    id: 'resource_uris_unique',
    spec: both('resources'),
    severity: 'warning',
    requires: 'No two resources have one URI.',
    remedy: 'Give one of them another URI.',
    judge: (transcript) => repeated(itemsOf(transcript, 'resources'), 'uri', 'it lists no resources'),
  },
  {
    id: 'resource_size_is_count',
    spec: both('resources#resource'),
    severity: 'critical',
    requires: 'The size of a resource is its bytes, as an integer.',
    remedy: 'Write the number, or leave it out where it is not known.',
    judge: (transcript) =>
      each(
        itemsOf(transcript, 'resources').filter(({ value }) => 'size' in value),
        'no resource tells its size',
        ({ size }) => (Number.isInteger(size) && Number(size) >= 0 ? undefined : 'it is no such number'),
      ),
  },
  {
    id: 'template_is_uri_template',
    spec: both('resources#resource-templates'),
    severity: 'critical',
    requires: 'A resource template has a URI template, as RFC 6570 has it.',
    remedy: 'Close every brace, and name a variable in each.',
    judge: (transcript) =>
      each(itemsOf(transcript, 'resourceTemplates'), 'it lists no templates', ({ uriTemplate }) =>
        isString(uriTemplate) && isTemplate(uriTemplate) ? undefined : 'it has none',
      ),
  },
  {
    id: 'template_has_name',
    spec: both('resources#resource-templates'),
    severity: 'critical',
    requires: 'A resource template has a name.',
    remedy: 'Give the template a name.',
    judge: (transcript) =>
      each(itemsOf(transcript, 'resourceTemplates'), 'it lists no templates', ({ name }) =>
        isString(name) ? undefined : 'it has no name',
      ),
  },
  {
    id: 'resource_annotations_shape',
    spec: both('resources#annotations'),
    severity: 'critical',
    requires:
      'Annotations hold an audience of user and assistant, a priority from 0 to 1, and a time in ISO 8601.',
    remedy: 'Correct the annotation, or leave it out.',
    judge: (transcript) =>
      each(
        [...itemsOf(transcript, 'resources'), ...itemsOf(transcript, 'resourceTemplates')].filter(
          ({ value }) => 'annotations' in value,
        ),
        'no resource has annotations',
        ({ annotations }) => {
          const { audience, priority, lastModified } = isObject(annotations) ? annotations : { audience: '' };
          const isTime = (value: unknown) => isString(value) && !Number.isNaN(Date.parse(value));
          return isAbsentOr(isAudience)(audience) &&
            isAbsentOr(isShare)(priority) &&
            isAbsentOr(isTime)(lastModified)
            ? undefined
            : 'one of them has another form';
        },
      ),
  },
];

import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import {
  allItems,
  both,
  type Check,
  each,
  having,
  isAbsentOr,
  isBoolean,
  isString,
  items,
  unique,
} from './check.ts';

const isShare = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 1;
const isAudience = (value: unknown): boolean =>
  Array.isArray(value) && value.every((role) => role === 'user' || role === 'assistant');

/** Far above real URIs. A regular expression over megabytes would exhaust the stack. */
const MAX_URI_LENGTH = 64 * 1024;
/** Checks that braces open and close in turn (RFC 6570). */
const isTemplate = (text: string): boolean =>
  text !== '' && text.length <= MAX_URI_LENGTH && /^(?:[^{}]|\{[^{}]+\})*$/.test(text);
/** Checks for a scheme, a colon, and no white space or control character (RFC 3986 section 3). IRIs pass too. */
const isUri = (text: string): boolean =>
  text.length <= MAX_URI_LENGTH && /^[A-Za-z][A-Za-z0-9+.-]*:[!-~\u0080-\uffff]*$/.test(text);

/** Prompts, resources and templates, and the fields that all items have. */
export const catalogueChecks: readonly Check[] = [
  {
    id: 'item_texts_are_strings',
    spec: both('server/tools#data-types'),
    severity: 'critical',
    requires: 'title and description are strings.',
    remedy: 'Write a string, or leave the field out. null is not allowed.',
    judge: each(allItems, 'it lists nothing', ({ title, description }) =>
      isAbsentOr(isString)(title) && isAbsentOr(isString)(description)
        ? undefined
        : 'one of them is not a string',
    ),
  },
  {
    id: 'prompt_has_name',
    spec: both('server/prompts#prompt'),
    severity: 'critical',
    requires: 'A prompt has a name.',
    remedy: 'Give the prompt a name: clients request it by its name.',
    judge: each(items('prompts'), 'it lists no prompts', ({ name }) =>
      isString(name) && name !== '' ? undefined : 'it has no name',
    ),
  },
  {
    id: 'prompt_names_unique',
    spec: both('server/prompts#prompt'),
    severity: 'warning',
    requires: 'No two prompts have the same name.',
    remedy: 'Rename one of them.',
    judge: unique(items('prompts'), 'name', 'it lists no prompts'),
  },
  {
    id: 'prompt_arguments_shape',
    spec: both('server/prompts#prompt'),
    severity: 'critical',
    requires: 'The arguments of a prompt are an array of objects with a name; required is true or false.',
    remedy: 'List the arguments, each with its name.',
    judge: each(having('arguments', items('prompts')), 'no prompt has arguments', (prompt) => {
      const args = prompt['arguments'];
      const isArgument = (value: unknown): boolean =>
        isObject(value) && isString(value['name']) && isAbsentOr(isBoolean)(value['required']);
      return Array.isArray(args) && args.every(isArgument) ? undefined : 'they are not such an array';
    }),
  },
  {
    id: 'resource_has_uri',
    spec: both('server/resources#resource'),
    severity: 'critical',
    requires: 'A resource has a URI (RFC 3986).',
    remedy: 'Give the resource a URI with a scheme, and percent-encode characters that a URI may not hold.',
    judge: each(items('resources'), 'it lists no resources', ({ uri }) =>
      isString(uri) && isUri(uri) ? undefined : 'it has no valid one',
    ),
  },
  {
    id: 'resource_has_name',
    spec: both('server/resources#resource'),
    severity: 'critical',
    requires: 'A resource has a name.',
    remedy: 'Give the resource a name. It may equal the URI.',
    judge: each(items('resources'), 'it lists no resources', ({ name }) =>
      isString(name) ? undefined : 'it has no name',
    ),
  },
  {
    id: 'resource_uris_unique',
    spec: both('server/resources'),
    severity: 'warning',
    requires: 'No two resources have the same URI.',
    remedy: 'Give one of them another URI.',
    judge: unique(items('resources'), 'uri', 'it lists no resources'),
  },
  {
    id: 'resource_size_is_count',
    spec: both('server/resources#resource'),
    severity: 'critical',
    requires: 'The size of a resource is its number of bytes, an integer.',
    remedy: 'Write the number, or leave it out if it is unknown.',
    judge: each(having('size', items('resources')), 'no resource has a size', ({ size }) =>
      Number.isInteger(size) && Number(size) >= 0 ? undefined : 'it is not such a number',
    ),
  },
  {
    id: 'template_is_uri_template',
    spec: both('server/resources#resource-templates'),
    severity: 'critical',
    requires: 'A resource template has a URI template (RFC 6570).',
    remedy: 'Close every brace, and name a variable in each.',
    judge: each(items('resourceTemplates'), 'it lists no templates', ({ uriTemplate }) =>
      isString(uriTemplate) && isTemplate(uriTemplate) ? undefined : 'it has no valid one',
    ),
  },
  {
    id: 'template_has_name',
    spec: both('server/resources#resource-templates'),
    severity: 'critical',
    requires: 'A resource template has a name.',
    remedy: 'Give the template a name.',
    judge: each(items('resourceTemplates'), 'it lists no templates', ({ name }) =>
      isString(name) ? undefined : 'it has no name',
    ),
  },
  {
    id: 'resource_annotations_shape',
    spec: both('server/resources#annotations'),
    severity: 'critical',
    requires:
      'Annotations hold an audience of user and assistant, a priority from 0 to 1, and a time in ISO 8601.',
    remedy: 'Correct the annotation, or leave it out.',
    judge: each(
      having('annotations', items('resources', 'resourceTemplates')),
      'no resource has annotations',
      ({ annotations }) => {
        const { audience, priority, lastModified } = isObject(annotations) ? annotations : { audience: '' };
        const isTime = (value: unknown) => isString(value) && !Number.isNaN(Date.parse(value));
        return isAbsentOr(isAudience)(audience) &&
          isAbsentOr(isShare)(priority) &&
          isAbsentOr(isTime)(lastModified)
          ? undefined
          : 'one of them has another type or value';
      },
    ),
  },
];

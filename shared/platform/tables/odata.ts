type Value = string | number | boolean | Date;

/**
 * Returns a filter of the Table service, with its values as literals of OData: texts in quotes, with their own quotes doubled. The
 * SDK has such a tag too, but the import of it would load the whole SDK at the start.
 */
export const odata = (strings: TemplateStringsArray, ...values: readonly Value[]): string =>
  String.raw({ raw: strings }, ...values.map(literal));

function literal(value: Value): string {
  if (value instanceof Date) return `datetime'${value.toISOString()}'`;
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
}

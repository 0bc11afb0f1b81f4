import rhea from 'rhea';

/** A value with its AMQP type, as rhea reads and writes it. */
export interface Typed {
  readonly type: { readonly name: string; readonly typecode: number };
  readonly value: unknown;
  readonly descriptor?: Typed;
  readonly array_constructor?: { readonly typecode: number };
}

type Wrap<T> = (value: T) => Typed;

/** rhea's AMQP types, which its own declarations leave untyped. */
export const types = rhea.types as unknown as {
  readonly wrap_int: Wrap<number>;
  readonly wrap_uint: Wrap<number>;
  readonly wrap_long: Wrap<number | Buffer>;
  readonly wrap_ulong: Wrap<number | Buffer>;
  readonly wrap_short: Wrap<number>;
  readonly wrap_ushort: Wrap<number>;
  readonly wrap_ubyte: Wrap<number>;
  readonly wrap_double: Wrap<number>;
  readonly wrap_char: Wrap<number>;
  readonly wrap_symbol: Wrap<string>;
  readonly wrap_string: Wrap<string>;
  readonly wrap_uuid: Wrap<Buffer>;
  readonly wrap_binary: Wrap<Buffer>;
  readonly wrap_timestamp: Wrap<number>;
  readonly wrap: Wrap<unknown>;
  readonly wrap_list: Wrap<readonly unknown[]>;
  readonly wrap_map: Wrap<object>;
  readonly wrap_array: (values: readonly unknown[], typecode: number) => Typed;
  readonly wrap_described: (value: unknown, descriptor: string) => Typed;
  readonly Reader: new (bytes: Buffer) => { read(): Typed; remaining(): number };
};

/** rhea's message encoder and decoder. */
export const message = rhea.message as unknown as {
  readonly encode: (message: object) => Buffer;
  readonly decode: (bytes: Buffer) => DecodedMessage;
  readonly data_section: (bytes: Buffer) => object;
  readonly data_sections: (parts: readonly Buffer[]) => object;
  readonly sequence_section: (items: readonly unknown[]) => object;
  readonly accepted: () => Outcome;
  readonly rejected: (fields: {
    error?: { condition: string; description?: string; info?: object };
  }) => Outcome;
  readonly released: () => Outcome;
  readonly modified: (fields: { undeliverable_here?: boolean; message_annotations?: object }) => Outcome;
};

export interface Outcome {
  /** Its fields. */
  readonly value: Typed[];
  described(): Typed;
}

export interface DecodedMessage {
  readonly durable?: boolean;
  readonly priority?: number;
  readonly ttl?: number;
  readonly delivery_count?: number;
  readonly message_id?: unknown;
  readonly correlation_id?: unknown;
  readonly subject?: string;
  readonly message_annotations?: Readonly<Record<string, unknown>>;
  readonly application_properties?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

/** The sections of a message by their codes, with all types. */
export function typedSections(bytes: Buffer): Map<number, Typed> {
  const reader = new types.Reader(bytes);
  const sections = new Map<number, Typed>();
  while (reader.remaining() > 0) {
    const section = reader.read();
    sections.set(Number(section.descriptor?.value), section);
  }
  return sections;
}

/** Name and typed value of each entry of a map. */
export function typedEntries(map: Typed | undefined): [string, Typed][] {
  const items = (map?.value ?? []) as Typed[];
  return items.flatMap((key, index): [string, Typed][] => {
    const value = items[index + 1];
    return index % 2 === 0 && value ? [[String(key.value), value]] : [];
  });
}

import { AvroFormatError, type AvroReader } from './avro-binary.ts';

/** How a foreign schema's values lie in the bytes: as much as is needed to find or skip them. */
export type WireType =
  | { readonly kind: 'text' | 'varint' }
  | { readonly kind: 'fixed'; readonly size: number }
  | { readonly kind: 'union'; readonly branches: readonly WireType[] }
  | { readonly kind: 'blocks'; readonly keyed: boolean; readonly item: WireType }
  | { readonly kind: 'record'; readonly fields: readonly WireType[] };

const TEXT: WireType = { kind: 'text' };
const VARINT: WireType = { kind: 'varint' };
const PRIMITIVES: ReadonlyMap<string, WireType> = new Map<string, WireType>([
  ['string', TEXT],
  ['bytes', TEXT],
  ['int', VARINT],
  ['long', VARINT],
  ['null', { kind: 'fixed', size: 0 }],
  ['boolean', { kind: 'fixed', size: 1 }],
  ['float', { kind: 'fixed', size: 4 }],
  ['double', { kind: 'fixed', size: 8 }],
]);

export const SCHEMA_DEPTH_MAX = 32;
const FIXED_BYTES_MAX = 65_536;

type Json = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads schemas of one protocol, which may refer to each other by name. Of its own, because the
 * text comes from strangers: no code is generated from it and its size bounds the work.
 */
export class SchemaReader {
  readonly #named = new Map<string, WireType>();
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** @throws AvroFormatError */
  read(schema: unknown, namespace: string = this.#namespace, depth = 0): WireType {
    if (depth > SCHEMA_DEPTH_MAX) throw new AvroFormatError('a schema is nested too deeply');
    if (typeof schema === 'string') return this.#lookUp(schema, namespace);
    if (Array.isArray(schema)) {
      return {
        kind: 'union',
        branches: schema.map((branch) => this.read(branch, namespace, depth + 1)),
      };
    }
    if (!isJsonObject(schema)) throw new AvroFormatError('no schema');
    switch (schema['type']) {
      case 'array':
        return this.#blocks(false, schema['items'], namespace, depth);
      case 'map':
        return this.#blocks(true, schema['values'], namespace, depth);
      case 'enum':
        return this.#define(schema, namespace, VARINT);
      case 'fixed':
        return this.#define(schema, namespace, { kind: 'fixed', size: sizeOf(schema) });
      case 'record':
      case 'error':
        return this.#record(schema, namespace, depth);
      default:
        return this.read(schema['type'], namespace, depth + 1);
    }
  }

  #lookUp(name: string, namespace: string): WireType {
    const type = PRIMITIVES.get(name) ?? this.#named.get(qualify(name, namespace));
    if (type === undefined) throw new AvroFormatError('a schema names an unknown type');
    return type;
  }

  #blocks(keyed: boolean, item: unknown, namespace: string, depth: number): WireType {
    return { kind: 'blocks', keyed, item: this.read(item, namespace, depth + 1) };
  }

  #define(schema: Json, namespace: string, type: WireType): WireType {
    this.#named.set(fullName(schema, namespace), type);
    return type;
  }

  #record(schema: Json, namespace: string, depth: number): WireType {
    const fields: WireType[] = [];
    const type = this.#define(schema, namespace, { kind: 'record', fields });
    const name = fullName(schema, namespace);
    const inner = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
    if (!Array.isArray(schema['fields'])) throw new AvroFormatError('a record without fields');
    for (const field of schema['fields']) {
      if (!isJsonObject(field)) throw new AvroFormatError('a field that is no object');
      fields.push(this.read(field['type'], inner, depth + 1));
    }
    return type;
  }
}

/** The bytes of a string, or of bytes, alone or in a union. @throws AvroFormatError */
export function readText(type: WireType, reader: AvroReader): Buffer {
  if (type.kind === 'text') return reader.bytes();
  const branch = type.kind === 'union' ? type.branches[reader.long()] : undefined;
  if (branch?.kind !== 'text') throw new AvroFormatError('a text was expected');
  return reader.bytes();
}

/** Whether values of this type can be texts. */
export function holdsText(type: WireType): boolean {
  return type.kind === 'union'
    ? type.branches.some(({ kind }) => kind === 'text')
    : type.kind === 'text';
}

/** Steps of work left, so that items of no bytes (a billion nulls) come to an end. */
export interface SkipBudget {
  steps: number;
}

/** Steps over a value that we have no use for. @throws AvroFormatError */
export function skipValue(type: WireType, reader: AvroReader, budget: SkipBudget, depth = 0): void {
  if (--budget.steps < 0 || depth > SCHEMA_DEPTH_MAX) {
    throw new AvroFormatError('a value takes too long to read');
  }
  switch (type.kind) {
    case 'text':
      reader.bytes();
      return;
    case 'varint':
      reader.skipLong();
      return;
    case 'fixed':
      reader.fixed(type.size);
      return;
    case 'union': {
      const branch = type.branches[reader.long()];
      if (branch === undefined) throw new AvroFormatError('a union has no such branch');
      skipValue(branch, reader, budget, depth + 1);
      return;
    }
    case 'record':
      for (const field of type.fields) skipValue(field, reader, budget, depth + 1);
      return;
    case 'blocks':
      for (let count = reader.blockCount(); count > 0; count = reader.blockCount()) {
        for (let i = 0; i < count; i++) {
          if (type.keyed) reader.bytes();
          skipValue(type.item, reader, budget, depth + 1);
        }
      }
  }
}

function sizeOf(schema: Json): number {
  const size = schema['size'];
  if (!Number.isInteger(size) || Number(size) < 0 || Number(size) > FIXED_BYTES_MAX) {
    throw new AvroFormatError('a fixed without a usable size');
  }
  return Number(size);
}

function fullName(schema: Json, namespace: string): string {
  const { name, namespace: own } = schema;
  if (typeof name !== 'string') throw new AvroFormatError('a type without a name');
  return qualify(name, typeof own === 'string' ? own : namespace);
}

function qualify(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

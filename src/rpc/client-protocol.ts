import { AvroFormatError, type AvroReader } from '../codec/avro-binary.ts';
import {
  holdsText,
  isJsonObject,
  readText,
  SchemaReader,
  skipValue,
  type WireType,
} from '../codec/avro-schema.ts';
import type { CallParameters } from '../codec/rpc-calls.ts';
import { RPC_MESSAGES, RPC_PARAMETERS, type RpcMessage } from '../codec/rpc-protocol.ts';
import { messageOf } from '../errors.ts';

const PARAMETERS_MAX = 64;
const SKIP_STEPS_MIN = 4_096;

interface Parameter {
  /** Which of ours it is; undefined: one that we do not know. */
  readonly name: 'key' | 'value' | undefined;
  readonly type: WireType;
}

/** How one client writes the request of one of our messages. */
export class RequestForm {
  readonly message: RpcMessage;
  readonly #parameters: readonly Parameter[];

  constructor(message: RpcMessage, parameters: readonly Parameter[]) {
    this.message = message;
    this.#parameters = parameters;
  }

  /** @throws AvroFormatError */
  read(reader: AvroReader): CallParameters {
    const budget = { steps: SKIP_STEPS_MIN + reader.left };
    let key: Buffer | undefined;
    let value: Buffer | undefined;
    for (const { name, type } of this.#parameters) {
      if (name === undefined) skipValue(type, reader, budget);
      else if (name === 'key') key = readText(type, reader);
      else value = readText(type, reader);
    }
    if (key === undefined) throw new AvroFormatError('a request without a key');
    if (reader.left > 0) throw new AvroFormatError(`${reader.left} bytes behind the request`);
    return { key, value };
  }
}

/** A client's protocol, as far as it concerns our messages. */
export class ClientProtocol {
  readonly #forms = new Map<string, RequestForm>();
  readonly #reasons = new Map<string, string>();

  /**
   * @param text the protocol's JSON as the client sent it; a message of ours that it declares in a
   *   way that cannot be served is an error at its calls, not here
   * @throws AvroFormatError where it is no protocol at all
   */
  static parse(text: string): ClientProtocol {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new AvroFormatError('a protocol that is no JSON');
    }
    if (!isJsonObject(json)) throw new AvroFormatError('a protocol that is no object');
    const protocol = new ClientProtocol();
    const messages = isJsonObject(json['messages']) ? json['messages'] : {};
    for (const name of RPC_MESSAGES) {
      if (!Object.hasOwn(messages, name)) continue;
      try {
        // Each with a reader of its own: what one message keeps alive is its own parameters.
        protocol.#forms.set(name, formOf(name, messages[name], schemasOf(json)));
      } catch (error) {
        protocol.#reasons.set(name, messageOf(error));
      }
    }
    return protocol;
  }

  /** undefined: a call of that name cannot be read, `whyNot` says why. */
  form(name: string): RequestForm | undefined {
    return this.#forms.get(name);
  }

  whyNot(name: string): string {
    const reason = this.#reasons.get(name);
    if (reason !== undefined)
      return `The client’s protocol declares ${name} in another way: ${reason}`;
    return `There is no message ${JSON.stringify(name.slice(0, 64))}`;
  }
}

function schemasOf(json: Readonly<Record<string, unknown>>): SchemaReader {
  const namespace = typeof json['namespace'] === 'string' ? json['namespace'] : '';
  const schemas = new SchemaReader(namespace);
  for (const type of Array.isArray(json['types']) ? json['types'] : []) {
    try {
      schemas.read(type);
    } catch {
      // A type that we cannot read matters only to a request that uses it.
    }
  }
  return schemas;
}

function formOf(name: RpcMessage, declared: unknown, schemas: SchemaReader): RequestForm {
  if (!isJsonObject(declared)) throw new AvroFormatError('no object');
  if (declared['one-way'] === true) throw new AvroFormatError('it is one-way');
  const request = declared['request'];
  if (!Array.isArray(request)) throw new AvroFormatError('no request');
  if (request.length > PARAMETERS_MAX) throw new AvroFormatError('too many parameters');
  const wanted: readonly string[] = RPC_PARAMETERS[name];
  const parameters = request.map((field): Parameter => {
    if (!isJsonObject(field)) throw new AvroFormatError('a parameter that is no object');
    const type = schemas.read(field['type']);
    const known = wanted.includes(String(field['name'])) ? String(field['name']) : undefined;
    if (known !== undefined && !holdsText(type)) throw new AvroFormatError(`${known} is no string`);
    return { name: known as Parameter['name'], type };
  });
  for (const name of wanted) {
    if (parameters.filter((parameter) => parameter.name === name).length !== 1) {
      throw new AvroFormatError(`${name} is needed once`);
    }
  }
  return new RequestForm(name, parameters);
}

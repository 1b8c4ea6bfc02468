import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { AvroFormatError, AvroReader } from '../../../src/codec/avro-binary.ts';
import { protocolHash } from '../../../src/codec/rpc-protocol.ts';
import { ClientProtocol } from '../../../src/rpc/client-protocol.ts';
import { ClientProtocols } from '../../../src/rpc/client-protocols.ts';
import { PROTOCOL } from '../../helpers/rpc-socket.ts';

type Fields = readonly { readonly name: string; readonly type: unknown }[];

function protocolOf(fields: Fields, types: readonly unknown[] = []): string {
  const messages = { setValue: { request: fields, response: 'null' } };
  return JSON.stringify({ protocol: 'P', namespace: 'n', types, messages });
}

/** What we read of a request that avsc wrote in the client's own form. */
function readBack(text: string, request: object): { key: string; value: string | undefined } {
  const service = avsc.Service.forProtocol(JSON.parse(text));
  const bytes = service.message('setValue').requestType.toBuffer(request) as Buffer;
  const form = ClientProtocol.parse(text).form('setValue');
  assert.ok(form, 'the message can be read');
  const { key, value } = form.read(new AvroReader(bytes));
  return { key: key.toString(), value: value?.toString() };
}

const KEY = { name: 'key', type: 'string' };
const VALUE = { name: 'value', type: 'string' };

describe('ClientProtocol', () => {
  it('reads parameters in another order, of other text types, in unions', () => {
    const plain = { key: 'k', value: 'v' };
    assert.deepEqual(readBack(protocolOf([VALUE, KEY]), plain), plain);
    const annotated = { type: 'string', 'avro.java.string': 'String' };
    assert.deepEqual(readBack(protocolOf([{ name: 'key', type: annotated }, VALUE]), plain), plain);
    const bytes = protocolOf([KEY, { name: 'value', type: 'bytes' }]);
    assert.deepEqual(readBack(bytes, { key: 'k', value: Buffer.from('v') }), plain);
    const union = protocolOf([KEY, { name: 'value', type: ['null', 'string'] }]);
    assert.deepEqual(readBack(union, plain), plain);
    assert.throws(() => readBack(union, { key: 'k', value: null }), AvroFormatError);
  });

  it('steps over parameters that we do not know, of any type', () => {
    const types = [
      { type: 'enum', name: 'Colour', symbols: ['RED', 'BLUE'] },
      { type: 'fixed', name: 'Hash', size: 3 },
      {
        type: 'record',
        name: 'Tree',
        fields: [
          { name: 'name', type: 'string' },
          { name: 'colour', type: 'Colour' },
          { name: 'branches', type: { type: 'array', items: 'n.Tree' } },
        ],
      },
    ];
    const other = [
      { name: 'trees', type: { type: 'map', values: 'Tree' } },
      { name: 'hash', type: ['null', 'Hash'] },
      { name: 'double', type: 'double' },
      { name: 'float', type: 'float' },
      { name: 'flag', type: 'boolean' },
      { name: 'long', type: { type: 'long', logicalType: 'timestamp-millis' } },
    ];
    const leaf = { name: 'leaf', colour: 'BLUE', branches: [] };
    const request = {
      trees: { oak: { name: 'oak', colour: 'RED', branches: [leaf, leaf] } },
      hash: Buffer.from('abc'),
      double: 1.5,
      float: 2.5,
      flag: true,
      long: 123_456_789_012,
      key: 'k',
      value: 'v',
    };
    const text = protocolOf([...other, KEY, VALUE], types);
    assert.deepEqual(readBack(text, request), { key: 'k', value: 'v' });
  });

  it('says why a message cannot be read, and goes on with the others', () => {
    const cases: [Fields, RegExp][] = [
      [[KEY], /value is needed once/],
      [[KEY, KEY, VALUE], /key is needed once/],
      [[KEY, { name: 'value', type: 'long' }], /value is no string/],
      [[KEY, VALUE, { name: 'x', type: 'Unheard' }], /unknown type/],
    ];
    for (const [fields, reason] of cases) {
      const protocol = ClientProtocol.parse(protocolOf(fields));
      assert.equal(protocol.form('setValue'), undefined);
      assert.match(protocol.whyNot('setValue'), reason);
    }
    const oneWay = { request: [KEY], response: 'null', 'one-way': true };
    const get = { request: [KEY], response: ['null', 'string'] };
    const protocol = ClientProtocol.parse(
      JSON.stringify({ protocol: 'P', messages: { delete: oneWay, getValue: get } }),
    );
    assert.match(protocol.whyNot('delete'), /one-way/);
    assert.ok(protocol.form('getValue'));
    assert.match(protocol.whyNot('__proto__'), /There is no message/);
    assert.equal(protocol.form('__proto__'), undefined);
  });

  it('throws nothing but AvroFormatError, whatever the text', () => {
    const depth = 20_000;
    const deep = `${'{"type":'.repeat(depth)}"string"${'}'.repeat(depth)}`;
    const field = `{"name":"key","type":${deep}}`;
    const wild = `{"messages":{"getValue":{"request":[${field}],"response":"null"}}}`;
    assert.match(ClientProtocol.parse(wild).whyNot('getValue'), /nested too deeply/);
    for (const text of ['', '{', '[]', 'null', '"x"', '[['.repeat(10_000)]) {
      assert.throws(() => ClientProtocol.parse(text), AvroFormatError);
    }
    const messages = fc.record({ setValue: fc.jsonValue(), getValue: fc.jsonValue() });
    fc.assert(
      fc.property(fc.jsonValue(), messages, (types, each) => {
        ClientProtocol.parse(JSON.stringify({ types, messages: each }));
      }),
    );
  });

  it('ends values that claim a billion items of no bytes', () => {
    const nulls = { name: 'nulls', type: { type: 'array', items: 'null' } };
    const form = ClientProtocol.parse(protocolOf([nulls, KEY, VALUE])).form('setValue');
    const count = avsc.Type.forSchema('long').toBuffer(2 ** 40);
    assert.throws(() => form?.read(new AvroReader(count)), /too long to read/);
    const self = { type: 'record', name: 'Self', fields: [{ name: 'self', type: 'Self' }] };
    const endless = ClientProtocol.parse(protocolOf([{ name: 'x', type: self }, KEY, VALUE]));
    assert.throws(
      () => endless.form('setValue')?.read(new AvroReader(Buffer.alloc(10))),
      AvroFormatError,
    );
  });
});

describe('ClientProtocols', () => {
  const noHash = Buffer.alloc(16);

  it('remembers so many and no more, and always our own', () => {
    const protocols = new ClientProtocols(PROTOCOL);
    for (let i = 0; i < 5_000; i++) {
      const clientText = protocolOf([KEY, VALUE, { name: `p${i}`, type: 'int' }]);
      const clientHash = protocolHash(clientText);
      assert.ok(protocols.find({ clientHash, clientText, serverHash: noHash }));
      assert.ok(protocols.find({ clientHash, clientText: undefined, serverHash: noHash }));
    }
    assert.equal(protocols.remembered, 256);
    const own = { clientHash: PROTOCOL.hash, clientText: undefined, serverHash: noHash };
    assert.ok(protocols.find(own)?.form('delete'));
  });

  it('takes no client’s word for what another’s hash stands for', () => {
    const protocols = new ClientProtocols(PROTOCOL);
    const clientHash = protocolHash('another text');
    const clientText = protocolOf([VALUE, KEY]);
    assert.ok(protocols.find({ clientHash, clientText, serverHash: noHash }));
    const later = { clientHash, clientText: undefined, serverHash: noHash };
    assert.equal(protocols.find(later), undefined);
  });
});

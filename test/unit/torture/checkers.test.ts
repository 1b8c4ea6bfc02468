import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CheckerName, checkHistory } from '../../torture/checkers.ts';
import type { History, Operation, WitnessedRecord } from '../../torture/history.ts';

const put = (key: string, value: string, at: number, more: Partial<Operation> = {}): Operation => ({
  ...asked(at),
  kind: 'put',
  key,
  value,
  ...more,
});
const get = (key: string, at: number, more: Partial<Operation> = {}): Operation => ({
  ...asked(at),
  kind: 'get',
  key,
  trust: 'final',
  source: 1,
  ...more,
});
const gone = (key: string, at: number, more: Partial<Operation> = {}): Operation => ({
  ...asked(at),
  kind: 'delete',
  key,
  ...more,
});

function asked(at: number) {
  const where = { door: 'http', node: 'n1', run: 1 } as const;
  return { ...where, startedAt: at, endedAt: at + 5, outcome: 'ok', status: 200 } as const;
}

const record = (
  version: string,
  key: string,
  value: string | undefined,
  seenAt: number,
  passing = false,
): WitnessedRecord => {
  const [partition = 0, offset = 0] = version.split(':').map(Number);
  return { partition, offset, key, value, passing, seenAt };
};

/** `a` written twice and deleted, `b` written by Avro, all of it read. */
const GOOD: History = {
  operations: [
    put('a', 'v1', 100, { version: '0:0' }),
    get('a', 110, { value: 'v1', version: '0:0' }),
    put('a', 'v2', 120, { version: '0:1', node: 'n2' }),
    get('a', 130, { value: 'v1', version: '0:0' }),
    get('a', 240, { value: 'v2', version: '0:1' }),
    put('b', 'v3', 300, { door: 'avro', node: undefined, run: undefined }),
    put('c', 'v4', 310, { outcome: 'not_written', status: 503, code: 'log_unavailable' }),
    gone('a', 400, { version: '0:2' }),
    get('a', 900, { version: '0:2', status: 404 }),
    get('a', 910, { after: '0:2', version: '0:2', status: 404, node: 'n2' }),
    get('b', 920, { door: 'avro', node: undefined, run: undefined, value: 'v3', trust: undefined }),
  ],
  witnessed: [
    record('0:0', 'a', 'v1', 104),
    record('0:1', 'a', 'v2', 126),
    record('1:0', 'b', 'v3', 302),
    record('0:2', 'a', undefined, 402),
  ],
  gaps: [],
  final: new Map([
    ['a', { version: '0:2', value: undefined }],
    ['b', { version: '1:0', value: 'v3' }],
  ]),
  convergences: [
    {
      at: 800,
      versions: new Map([
        ['a', '0:2'],
        ['b', '1:0'],
      ]),
    },
  ],
  diskLosses: [],
};

const foundIn = (history: History): string[] => [
  ...new Set(checkHistory(history).map(({ checker }) => checker)),
];
const withMore = (...operations: Operation[]): History => ({
  ...GOOD,
  operations: [...GOOD.operations, ...operations],
});

const WRONG: readonly [what: string, checkers: readonly CheckerName[], History][] = [
  [
    'an acknowledged write that the log does not have',
    ['durability'],
    withMore(put('d', 'v9', 950, { version: '0:7' })),
  ],
  [
    'an acknowledged write in whose place the log has another one',
    ['durability'],
    withMore(put('a', 'v9', 950, { version: '0:1' })),
  ],
  [
    'an acknowledged write of Avro that never came to the log',
    ['durability'],
    withMore(put('d', 'v9', 950, { door: 'avro', node: undefined, run: undefined })),
  ],
  [
    'a log that ends before an acknowledged write of a key',
    ['durability'],
    { ...GOOD, final: new Map([['a', { version: '0:1', value: 'v2' }]]) },
  ],
  [
    'a final read that is too old',
    ['final reads'],
    {
      ...withMore(get('a', 260, { value: 'v1', version: '0:0', node: 'n3' })),
    },
  ],
  [
    'a final absence where something was written',
    ['final reads'],
    withMore(get('b', 500, { status: 404, node: 'n3' })),
  ],
  [
    'a final read that has not seen what its node acknowledged',
    ['own writes'],
    withMore(get('a', 130, { value: 'v1', version: '0:0', node: 'n2' })),
  ],
  [
    'a node that goes back',
    ['monotony'],
    withMore(get('a', 250, { value: 'v1', version: '0:0', trust: 'behind' })),
  ],
  [
    'a deleted value that comes back',
    ['no way back'],
    withMore(get('a', 850, { value: 'v2', version: '0:1', trust: 'behind', node: 'n3' })),
  ],
  [
    'a deleted value that comes back through Avro',
    ['no way back'],
    withMore(
      get('a', 850, {
        door: 'avro',
        value: 'v2',
        node: undefined,
        run: undefined,
        trust: undefined,
      }),
    ),
  ],
  [
    'a value that is lost for Avro',
    ['no way back'],
    withMore(get('b', 850, { door: 'avro', node: undefined, run: undefined, trust: undefined })),
  ],
  [
    'a write that is in the log although it was not written',
    ['not written'],
    withMore(put('b', 'v3', 290, { outcome: 'not_written', status: 503, code: 'log_unavailable' })),
  ],
  [
    'a read that has not seen the version that it named',
    ['after a version'],
    withMore(
      get('a', 200, { after: '0:1', value: 'v1', version: '0:0', trust: 'behind', node: 'n3' }),
    ),
  ],
  [
    'an answer that nothing allows',
    ['answers'],
    withMore(get('a', 500, { outcome: 'refused', status: 500, code: 'storage' })),
  ],
  [
    'a failed write without an outcome',
    ['answers'],
    withMore(put('a', 'v9', 500, { outcome: 'refused', status: 503, code: 'log_unavailable' })),
  ],
  [
    'a value that nobody wrote',
    ['truth'],
    withMore(get('b', 500, { value: 'v8', version: '1:1', node: 'n3' })),
  ],
  [
    'the value of another version',
    ['truth'],
    withMore(get('a', 125, { value: 'v2', version: '0:0', node: 'n3' })),
  ],
];

describe('the checkers of histories', () => {
  it('find nothing wrong where nothing is', () => {
    assert.deepEqual(checkHistory(GOOD), []);
  });

  for (const [what, checkers, history] of WRONG) {
    it(`find ${what}`, () => assert.deepEqual(foundIn(history), checkers));
  }

  it('let a write pass that compaction took away before the witness came', () => {
    const history = withMore(put('a', 'v9', 395, { version: '0:1' }));
    const missed = {
      ...history,
      witnessed: GOOD.witnessed.filter(({ offset, partition }) => partition > 0 || offset !== 1),
      gaps: [{ partition: 0, from: 1, to: 2 }],
    };
    assert.deepEqual(foundIn(missed), []);
  });

  it('take an absence without a marker for a null that compaction took away, once it was there', () => {
    const witnessed = [...GOOD.witnessed, record('1:1', 'b', undefined, 1_000, true)];
    const absent = (at: number) => get('b', at, { status: 404, node: 'n3', trust: 'behind' });
    assert.deepEqual(foundIn({ ...withMore(absent(1_100)), witnessed }), []);
    assert.deepEqual(foundIn({ ...withMore(absent(900)), witnessed }), ['no way back']);
  });

  it('let a node that lost its disk be behind, and not more', () => {
    const diskLosses = [{ node: 'n3', at: 840 }];
    const old = { value: 'v2', version: '0:1', node: 'n3' };
    const behind = withMore(get('a', 850, { ...old, trust: 'behind' }));
    assert.deepEqual(foundIn({ ...behind, diskLosses }), []);
    const final = withMore(get('a', 850, old));
    assert.deepEqual(foundIn({ ...final, diskLosses }), ['final reads', 'no way back']);
  });
});

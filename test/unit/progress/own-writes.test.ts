import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OwnWrites } from '../../../src/progress/own-writes.ts';

describe('own writes', () => {
  it('are waited for until they are applied, the newest of a key', () => {
    const own = new OwnWrites();
    own.add(0, 'a', 3, 0);
    own.add(0, 'a', 7, 0);
    own.add(0, 'b', 5, 0);
    own.add(0, 'c', 9, 0);
    own.applied(0, 6);
    assert.equal(own.get('a'), 7);
    own.applied(0, 8);
    const left = ['a', 'b', 'c'].map((key) => own.get(key));
    assert.deepEqual(left, [undefined, undefined, 9]);
  });

  it('keep the higher offset when acknowledgements come in another order', () => {
    const own = new OwnWrites();
    own.add(0, 'a', 7, 0);
    own.add(0, 'a', 3, 0);
    assert.equal(own.get('a'), 7);
    own.applied(0, 4);
    assert.equal(own.get('a'), 7);
  });

  it('hold nothing of another partition back', () => {
    const own = new OwnWrites();
    own.add(1, 'a', 3, 0);
    own.applied(0, 100);
    assert.equal(own.get('a'), 3);
  });

  it('wait for nothing that the log has lost since, and for what came after the question', () => {
    const own = new OwnWrites();
    own.add(0, 'kept', 6, 10);
    own.add(0, 'lost', 7, 10);
    own.add(0, 'later', 8, 30);
    own.add(1, 'elsewhere', 9, 10);
    assert.equal(own.shortened(0, 7, 20), 1);
    assert.deepEqual(
      ['kept', 'lost', 'later', 'elsewhere'].map((key) => own.get(key)),
      [6, undefined, 8, 9],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KafkaContact } from '../../../src/wal/kafka/kafka-contact.ts';
import { KafkaTransactionWatch } from '../../../src/wal/kafka/kafka-transaction-watch.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

describe('the watch on transactions', () => {
  const setUp = () => {
    const clock = new ManualClock();
    const contact = new KafkaContact();
    const lines = new Map<string, string | undefined>();
    contact.events = { warning: (name, line) => void lines.set(name, line) };
    const log = { ends: [5, 5], highs: [5, 5] };
    const probes = {
      readable: { ends: async () => log.ends },
      written: { ends: async () => log.highs },
    };
    const watch = new KafkaTransactionWatch(probes, contact, clock);
    const later = async (ms: number) => {
      clock.advance(ms);
      await watch.look();
      return lines.get('transaction');
    };
    return { log, later };
  };

  it('warns of one that stays open, names its partition, and takes the warning back', async () => {
    const { log, later } = setUp();
    assert.equal(await later(6_000), undefined);
    log.highs = [5, 9];
    assert.equal(await later(6_000), undefined);
    assert.match((await later(11_000)) ?? '', /partition 1 at 5/);
    log.ends = [5, 9];
    assert.equal(await later(6_000), undefined);
  });

  it('says nothing of transactions that end and begin again', async () => {
    const { log, later } = setUp();
    for (let i = 0; i < 10; i++) {
      log.ends = [5 + i, 5];
      log.highs = [6 + i, 5];
      assert.equal(await later(6_000), undefined);
    }
  });
});

import { type Mutant, simulation, testFile } from './mutant.ts';
import { RECOVERY_MUTANTS } from './recovery-mutants.ts';

const SIMULATION = simulation('1-300');

/** Each is a fault that a system of this kind was once blamed for, or that a change here could make. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'position before data',
    harm: 'a kill between two writes skips records for ever',
    file: 'src/table/table.ts',
    find: '    await this.#storage.write(ops, options);\n',
    replace: `    const states = changes.map((each) => stateOp(each.partition, each.state));
    await this.#storage.write(states, options);
    await this.#storage.write(ops, options);
`,
    checkers: [SIMULATION],
  },
  {
    name: 'the youngest timestamp wins',
    harm: 'a clock that runs ahead hides later writes; nodes differ',
    file: 'src/apply/apply-batch.ts',
    find: '    last.set(key, hash, entryOf(record, decoded));\n',
    replace: `    const entry = entryOf(record, decoded);
    const at = last.keys.findIndex((each) => each.equals(key));
    if ((last.entries[at]?.timestamp ?? 0) <= entry.timestamp) last.set(key, hash, entry);
`,
    checkers: [testFile('test/unit/apply/apply-batch.test.ts'), SIMULATION],
  },
  {
    name: 'deletes leave nothing behind',
    harm: 'a peer that missed the delete gives the old value back',
    file: 'src/apply/apply-batch.ts',
    find: "ops.push({ type: 'put', key: entryKey(",
    replace: "ops.push({ type: entry.kind === 'marker' ? 'del' : 'put', key: entryKey(",
    checkers: [SIMULATION],
  },
  {
    name: 'a record of a future version is passed over',
    harm: 'old and new nodes hold different values',
    file: 'src/apply/apply-batch.ts',
    find: 'reason: decoded.reason, stray: false });\n    }',
    replace: 'reason: decoded.reason, stray: false });\n      continue;\n    }',
    checkers: [testFile('test/unit/apply/apply-batch.test.ts')],
  },
  {
    name: 'strays are applied',
    harm: 'a key has two homes; a delete in one does not reach the other',
    file: 'src/apply/apply-batch.ts',
    find: '  if (home === placed.partition) return undefined;',
    replace: '  if (home >= 0) return undefined;',
    checkers: [testFile('test/unit/apply/apply-batch.test.ts')],
  },
  {
    name: 'waiters are woken before the commit',
    harm: 'a read after its own write returns the value before it',
    file: 'src/apply/batch-committer.ts',
    find: '    let committed = false;\n',
    replace:
      '    let committed = false;\n    for (const { batch, result } of moved) this.#tell(batch.partition, result, visible);\n',
    checkers: [SIMULATION],
  },
  {
    name: 'a read fills the cache whatever was committed meanwhile',
    harm: 'an old value stays in the cache for ever',
    file: 'src/table/entries.ts',
    find: '      if (untouched) this.#cache.set(key, stored);',
    replace: '      if (untouched !== undefined) this.#cache.set(key, stored);',
    checkers: [testFile('test/unit/table/entries.test.ts'), SIMULATION],
  },
  {
    name: 'another log is not noticed',
    harm: 'two logs are mixed',
    file: 'src/apply/log-check.ts',
    find: '  if (difference === undefined) return;',
    replace: '  if (difference !== null) return;',
    checkers: [SIMULATION],
  },
  {
    name: 'anchors are not compared',
    harm: 'records of a log that was cut back and has grown again are never read',
    file: 'src/apply/log-check.ts',
    find: '      const same = sameAnchor(anchorOf(record), anchor);',
    replace: '      const same = anchorOf(record) !== undefined;',
    checkers: [SIMULATION],
  },
  {
    name: 'a shorter log is no reason to rebuild',
    harm: 'what the log lost stays, what it gets instead is skipped',
    file: 'src/apply/log-check.ts',
    find: '  if (state.position > end) {',
    replace: '  if (state.position > end + 1_000_000) {',
    checkers: [testFile('test/unit/simulation/doubts.test.ts'), SIMULATION],
  },
  {
    name: 'records in gaps are not looked for',
    harm: 'a log cut back behind the newest anchor is not noticed',
    file: 'src/apply/log-check.ts',
    find: '  if (places.length === 0) return;',
    replace: '  if (places.length >= 0) return;',
    checkers: [testFile('test/unit/simulation/doubts.test.ts'), SIMULATION],
  },
  {
    name: 'freshness counts from the answer',
    harm: 'a final read misses a write acknowledged before it began',
    file: 'src/progress/freshness.ts',
    find: '        each.reachedAskedAt = Math.max(each.reachedAskedAt, askedAt);\n        each.pending = [];',
    replace: '        each.reachedAskedAt = this.#clock.monotonic();\n        each.pending = [];',
    checkers: [testFile('test/unit/progress/freshness.test.ts'), SIMULATION],
  },
  {
    name: 'own writes are not waited for',
    harm: 'a client reads the value before its own write',
    file: 'src/store/store.ts',
    find: '    if (own !== undefined) seen =',
    replace: '    if (own === -1) seen =',
    checkers: [SIMULATION],
  },
  {
    name: 'any acknowledgement counts',
    harm: 'a write is acknowledged that only another log has',
    file: 'src/store/store.ts',
    find: '    if (!confirmed || freshness.logChanges !== changes) {',
    replace: '    if (confirmed === undefined) {',
    checkers: [SIMULATION],
  },
  {
    name: 'an absence is told before the first recovery',
    harm: 'a key that exists is said not to',
    file: 'src/store/store.ts',
    find: '    if (found.entry === undefined && !found.freshPeer && !recovered) {',
    replace: '    if (found.entry === undefined && !found.freshPeer && partition < 0) {',
    checkers: [SIMULATION],
  },
  {
    name: 'a peer’s answer is kept',
    harm: 'a value that the log no longer has lives on in a cache',
    file: 'src/store/store.ts',
    find: '    return { ...local, trust: found.trust, entry: found.entry, source: found.source };',
    replace: `    if (found.entry !== undefined) {
      const { encodeEntry } = await import('../table/stored-entry.ts');
      const kept = [{ key: Buffer.from(key), stored: encodeEntry(found.entry) }];
      this.#options.entries.applying(partition);
      this.#options.entries.applied(partition, kept);
    }
    return { ...local, trust: found.trust, entry: found.entry, source: found.source };`,
    checkers: [SIMULATION],
  },
  {
    name: 'markers of peers are ignored',
    harm: 'a node that is behind gives a deleted value although a peer knows better',
    file: 'src/peers/rank-answers.ts',
    find: 'if (standing(answer) > standing(best)) best = answer;',
    replace:
      "if (answer.entry?.kind !== 'marker' && standing(answer) > standing(best)) best = answer;",
    checkers: [testFile('test/unit/peers/rank-answers.test.ts')],
  },
  {
    name: 'the first peer is believed',
    harm: 'an older value wins over a newer one',
    file: 'src/peers/rank-answers.ts',
    find: 'if (standing(answer) > standing(best)) best = answer;',
    replace: 'if (best === local) best = answer;',
    checkers: [testFile('test/unit/peers/rank-answers.test.ts')],
  },
  {
    name: 'a reader without a place starts at the end',
    harm: 'records are skipped in silence',
    file: 'src/wal/kafka/kafka-options.ts',
    find: "topic: { 'auto.offset.reset': 'error' },",
    replace: "topic: { 'auto.offset.reset': 'latest' },",
    checkers: [testFile('test/unit/wal/kafka-options.test.ts')],
  },
  {
    name: 'one broker’s word is enough',
    harm: 'an acknowledged write is lost with its leader',
    file: 'src/wal/kafka/kafka-options.ts',
    find: "'request.required.acks': -1 }",
    replace: "'request.required.acks': 1 }",
    checkers: [testFile('test/unit/wal/kafka-options.test.ts')],
  },
  {
    name: 'an unsynced append is acknowledged',
    harm: 'a power loss takes acknowledged writes',
    file: 'src/wal/embedded/embedded-wal.ts',
    find: 'await this.#log.commit(prepared, durable);',
    replace: 'await this.#log.commit(prepared, false);',
    checkers: [testFile('test/unit/wal/embedded-wal.test.ts')],
  },
  {
    name: 'an empty value is sent as it is',
    harm: 'the client sends null, and the key is deleted',
    file: 'src/codec/raw-codec.ts',
    find: '    value.length > 0 ? { value, headers: [] }',
    replace: '    value.length >= 0 ? { value, headers: [] }',
    checkers: [testFile('test/unit/codec/raw-codec.test.ts')],
  },
  {
    name: 'a damaged block is let near the engine’s iterators',
    harm: 'an assertion of the engine ends the process, at every start again',
    file: 'src/storage/rocks/rocks-table-file.ts',
    find: '        if (!isWhole(bytes.subarray(at, at + handle.size + TRAILER_BYTES), handle.size)) {',
    replace: '        if (at < 0) {',
    checkers: [testFile('test/unit/storage/rocks-table-file.test.ts')],
  },
  {
    name: 'checksums are not looked at',
    harm: 'a flipped bit on the disk is served as a value',
    file: 'src/storage/rocks/checked-value.ts',
    find: '=== stored.readUInt32LE(length)) return value;',
    replace: '>= 0) return value;',
    checkers: [testFile('test/unit/storage/checked-value.test.ts')],
  },
  {
    name: 'a write of unknown outcome is tried again',
    harm: 'a late copy overwrites a newer value',
    file: 'src/client/judge-error.ts',
    find: "  if (outcome === 'not_written') return 'retry';",
    replace: "  if (outcome !== undefined) return 'retry';",
    checkers: [testFile('test/unit/client/judge-error.test.ts')],
  },
  {
    name: 'an open transaction is taken for the end',
    harm: 'a read is final although an acknowledged write waits behind another producer’s transaction',
    file: 'src/progress/prober.ts',
    find: 'freshness.told(askedAt, { ends, readable }, positionsThen);',
    replace: 'freshness.told(askedAt, { ends: readable, readable }, positionsThen);',
    checkers: [SIMULATION],
  },
  {
    name: 'a dead reader is no trouble',
    harm: 'the load balancer keeps a node that stands still',
    file: 'src/apply/applier.ts',
    find: '      !this.#stalls.stalled(this.#options.clock.monotonic())',
    replace: '      this.#stalls !== undefined',
    checkers: [testFile('test/unit/simulation/health.test.ts'), SIMULATION],
  },
  {
    name: 'a stranger’s announcement is removed',
    harm: 'two nodes under one address push each other out for ever',
    file: 'src/cluster/zookeeper-announcement.ts',
    find: '    if (other?.instance === info.instance) {',
    replace: '    if (other !== undefined || info.instance !== undefined) {',
    checkers: [testFile('test/integration/zookeeper-membership.test.ts')],
  },
  {
    name: 'an expired session is not given up',
    harm: 'the node never comes back to the list',
    file: 'src/cluster/zookeeper-session.ts',
    find: '        this.#ticket = undefined;\n      },',
    replace: '      },',
    checkers: [testFile('test/integration/zookeeper-outage.test.ts')],
  },
  ...RECOVERY_MUTANTS,
];

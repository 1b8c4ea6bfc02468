import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { helpText, serveHelpText, settingsTable } from '../../../src/settings/help.ts';
import { BadSettingsError, parseSettings } from '../../../src/settings/settings.ts';
import { flagOf, SETTING_NAMES } from '../../../src/settings/table.ts';

function problemsOf(environment: Record<string, string>, args: string[] = []): readonly string[] {
  try {
    parseSettings(environment, args);
  } catch (error) {
    assert.ok(error instanceof BadSettingsError);
    return error.problems;
  }
  return [];
}

describe('settings', () => {
  it('are standalone on the loopback when nothing is given', () => {
    const settings = parseSettings({}, []);
    assert.equal(settings.STORAGE, 'standalone');
    assert.equal(settings.API_PORT, 8082);
    assert.equal(settings.AVRO_PORT, 8083);
    assert.equal(settings.BIND_ADDRESS, '127.0.0.1');
    assert.equal(settings.KAFKA_PARTITIONS, 12);
    assert.equal(settings.CACHE_BYTES_MAX, 2 ** 30);
    assert.equal(settings.NODE_ID, undefined);
    assert.equal(settings.acceptNewLog, false);
  });

  it('are distributed once a broker or a ZooKeeper is named', () => {
    for (const named of [{ BROKER_LIST: 'kafka:9092' }, { ZOOKEEPER_HOSTS: 'zk:2181/chroot' }]) {
      const settings = parseSettings(named, []);
      assert.equal(settings.STORAGE, 'distributed');
      assert.equal(settings.BIND_ADDRESS, '0.0.0.0');
    }
    assert.equal(parseSettings({ BROKER_LIST: '' }, []).STORAGE, 'standalone');
  });

  it('refuse a standalone node that is given a broker', () => {
    const [problem] = problemsOf({ STORAGE: 'standalone', BROKER_LIST: 'kafka:9092' });
    assert.match(problem ?? '', /^STORAGE: got "standalone" together with BROKER_LIST/);
    assert.equal(problemsOf({ STORAGE: 'memory', ZOOKEEPER_HOSTS: 'zk:2181' }).length, 1);
    assert.deepEqual(problemsOf({ STORAGE: 'standalone', ZOOKEEPER_HOSTS: 'none' }), []);
  });

  it('let a flag win over its variable', () => {
    const settings = parseSettings({ API_PORT: '9000' }, ['--api-port', '9100']);
    assert.equal(settings.API_PORT, 9100);
    assert.equal(settings.AVRO_PORT, 9101);
    assert.equal(parseSettings({}, ['--api-port=0']).AVRO_PORT, 0);
    assert.equal(parseSettings({}, ['--accept-new-log']).acceptNewLog, true);
  });

  it('report everything that is wrong at once, by name, with what is expected', () => {
    const problems = problemsOf(
      { API_PORT: 'eighty', VALUE_BYTES_MAX: '16MiB', CODEC: 'json', KAFKA_TOPCI: 'x' },
      ['--unknown-thing', '--stale-after-ms', '-1', 'word'],
    );
    const text = problems.join('\n');
    assert.match(text, /API_PORT: got "eighty", expected a port from 0 to 65535/);
    assert.match(text, /VALUE_BYTES_MAX: got "16MiB", expected a size of 1 to 15728640 bytes/);
    assert.match(text, /CODEC: got "json", expected one of raw, avro/);
    assert.match(text, /KAFKA_TOPCI: unknown variable, did you mean KAFKA_TOPIC\?/);
    assert.match(text, /--unknown-thing: unknown flag/);
    assert.match(text, /STALE_AFTER_MS \(--stale-after-ms\): got/);
    assert.match(text, /"word": expected a flag/);
  });

  it('read sizes', () => {
    assert.equal(parseSettings({ VALUE_BYTES_MAX: '512 KiB' }, []).VALUE_BYTES_MAX, 524_288);
    assert.equal(parseSettings({ CACHE_BYTES_MAX: '123' }, []).CACHE_BYTES_MAX, 123);
    assert.equal(problemsOf({ CACHE_BYTES_MAX: '1kb' }).length, 1);
  });

  it('know near misses of variables and leave foreign ones alone', () => {
    assert.equal(problemsOf({ STORAG: 'memory' }).length, 1);
    assert.equal(problemsOf({ DATADIR: '/x' }).length, 1);
    assert.deepEqual(problemsOf({ NODE: '/usr/bin/node', PATH: '/bin', PAGER: 'less' }), []);
    assert.deepEqual(problemsOf({ STORAG: '' }), []);
  });

  it('never show a secret', () => {
    const [problem] = problemsOf({ KAFKA_SASL_PASSWORD: ' ' });
    assert.doesNotMatch(problem ?? '', /" "/);
  });

  it('want one partition with the avro codec, and two different ports', () => {
    assert.equal(parseSettings({ CODEC: 'avro' }, []).KAFKA_PARTITIONS, 1);
    assert.equal(problemsOf({ CODEC: 'avro', KAFKA_PARTITIONS: '2' }).length, 1);
    assert.equal(problemsOf({ API_PORT: '9000', AVRO_PORT: '9000' }).length, 1);
    assert.equal(problemsOf({ API_PORT: '65535' }).length, 1);
  });

  it('are all named in the help and in the table', () => {
    for (const name of SETTING_NAMES) {
      for (const text of [helpText(), serveHelpText()]) {
        assert.ok(text.includes(`--${flagOf(name)} (${name})`), name);
      }
      assert.ok(settingsTable().includes(`| \`${name}\` |`), name);
    }
  });
});

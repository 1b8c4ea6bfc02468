import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KAFKA_JARS, ZOOKEEPER_JARS } from '../../services/jars.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const FOLDER = join(ROOT, 'vagrant');
const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8');

function coordinates(pom: string): string[] {
  const field = (text: string, name: string) =>
    new RegExp(`<${name}>(.*?)</${name}>`).exec(text)?.[1];
  return [...read(pom).matchAll(/<dependency>(.*?)<\/dependency>/gs)].map(([, text = '']) =>
    ['groupId', 'artifactId', 'version'].map((name) => field(text, name)).join(':'),
  );
}

test('the machine has the releases that the tests run on', () => {
  assert.deepEqual(coordinates('kafka.pom.xml'), KAFKA_JARS.dependencies);
  assert.deepEqual(coordinates('zookeeper.pom.xml'), ZOOKEEPER_JARS.dependencies);
});

test('the Vagrantfile hands over every file that the script wants, and forwards the usual ports', () => {
  const text = read('Vagrantfile');
  const [, list = ''] = /%w\[([^\]]*)\]/.exec(text) ?? [];
  const others = ['Vagrantfile', 'provision.sh'];
  const files = readdirSync(FOLDER).filter((file) => !others.includes(file) && file[0] !== '.');
  assert.deepEqual(list.trim().split(/\s+/).sort(), files.sort());
  const ports = [...text.matchAll(/guest: (\d+), host: (\d+), host_ip: '127\.0\.0\.1'/g)];
  assert.deepEqual(
    ports.map(([, guest, host]) => [guest, host]),
    [
      ['9092', '9092'],
      ['2181', '2181'],
    ],
  );
  assert.match(text, /path: 'provision\.sh'/);
});

test('every placeholder is one that the script fills in', () => {
  const filled = new Set(read('provision.sh').match(/@[A-Z_]+@/g));
  assert.ok(filled.size > 4);
  const used = new Set<string>();
  for (const file of readdirSync(FOLDER).filter((each) => each !== 'provision.sh')) {
    for (const placeholder of read(file).match(/@[A-Z_]+@/g) ?? []) used.add(placeholder);
  }
  assert.deepEqual([...used].sort(), [...filled].sort());
});

test('the shell scripts are sound', () => {
  for (const script of [
    'vagrant/provision.sh',
    'deploy/try-dockerfile.sh',
    'deploy/slim-modules.sh',
    '.ci/run',
  ]) {
    const { status, stderr } = spawnSync('bash', ['-n', join(ROOT, script)], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
});

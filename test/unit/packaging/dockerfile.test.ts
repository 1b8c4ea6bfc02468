import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseSettings } from '../../../src/settings/settings.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

function instructions(text: string): Instruction[] {
  return text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [word = ''] = line.split(' ');
      return { word, rest: line.slice(word.length).trim() };
    });
}

function stages(all: readonly Instruction[]): Instruction[][] {
  const found: Instruction[][] = [];
  for (const each of all) {
    if (each.word === 'FROM') found.push([]);
    found.at(-1)?.push(each);
  }
  return found;
}

const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
const all = instructions(text);
const [modules = [], build = [], final = []] = stages(all);
const argumentsOf = (stage: readonly Instruction[], word: string) =>
  stage.filter((each) => each.word === word).map((each) => each.rest);
const copies = (stage: readonly Instruction[]) =>
  argumentsOf(stage, 'COPY').map((rest) => rest.split(/\s+/));

function environment(stage: readonly Instruction[]): Record<string, string> {
  const pairs = argumentsOf(stage, 'ENV').flatMap((rest) => rest.split(/\s+/));
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}

test('the image is built in stages on the same Debian release', () => {
  const images = argumentsOf(all, 'FROM');
  const base = images.at(-1) ?? '';
  assert.match(base, /^node:\d+-bookworm-slim$/);
  assert.deepEqual(images, [`${base} AS modules`, `${base} AS build`, base]);
});

test('its Node is one that package.json accepts', () => {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const wanted = Number(/\d+/.exec(engines.node)?.[0]);
  assert.equal(Number(/node:(\d+)/.exec(text)?.[1]), wanted);
});

test('whatever is copied from the tree exists and is let through by .dockerignore', () => {
  const ignore = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  assert.ok(ignore.includes('*'));
  const sources = copies(all)
    .filter(([first]) => !first?.startsWith('--from='))
    .flatMap((words) => words.slice(0, -1));
  assert.ok(sources.length > 5);
  for (const source of sources) {
    assert.ok(existsSync(join(ROOT, source)), `${source} does not exist`);
    assert.ok(ignore.includes(`!${source}`), `${source} is ignored`);
  }
  const passed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  assert.deepEqual(
    passed.filter((path) => !sources.includes(path)),
    [],
    'let through for nothing',
  );
});

test('whatever is copied from an earlier stage was made there', () => {
  const [workdir] = argumentsOf(final, 'WORKDIR');
  for (const stage of [modules, build]) assert.deepEqual(argumentsOf(stage, 'WORKDIR'), [workdir]);
  assert.deepEqual(
    copies(final).filter(([first]) => first?.startsWith('--from=')),
    [
      ['--from=modules', `${workdir}/node_modules`, './node_modules'],
      ['--from=build', `${workdir}/dist`, './dist'],
    ],
  );
  assert.match(argumentsOf(modules, 'RUN').join('\n'), /npm ci --omit=dev/);
});

test('what the program reads beside dist is in the image', () => {
  const copied = copies(final).flatMap((words) => words.slice(0, -1));
  for (const beside of ['package.json', 'avro']) assert.ok(copied.includes(beside), beside);
});

test('it does not run as root, and its data folder belongs to whom it runs as', () => {
  const users = argumentsOf(final, 'USER');
  assert.deepEqual(users, ['1000:1000']);
  const afterUser = final.slice(final.findIndex(({ word }) => word === 'USER'));
  assert.ok(!afterUser.some(({ word }) => word === 'RUN'));
  assert.ok(argumentsOf(final, 'RUN').some((rest) => rest.includes('chown 1000:1000 /data')));
  assert.deepEqual(argumentsOf(final, 'VOLUME'), ['/data']);
});

test('its variables make a distributed node, with the ports that it exposes', () => {
  const settings = parseSettings(environment(final), []);
  assert.equal(settings.STORAGE, 'distributed');
  assert.equal(settings.BIND_ADDRESS, '0.0.0.0');
  assert.equal(settings.DATA_DIR, '/data');
  assert.equal(environment(final)['NODE_ENV'], 'production');
  assert.deepEqual(argumentsOf(final, 'EXPOSE'), [`${settings.API_PORT} ${settings.AVRO_PORT}`]);
});

test('it starts the program under an init that the image has', () => {
  const [entrypoint = ''] = argumentsOf(final, 'ENTRYPOINT');
  assert.deepEqual(JSON.parse(entrypoint), [
    ...['/usr/bin/tini', '--'],
    ...['node', 'dist/main.js', 'serve'],
  ]);
  assert.match(argumentsOf(final, 'RUN').join('\n'), /apt-get install .*\btini\b/);
});

test('its health check is a file that is copied', () => {
  const [check = ''] = argumentsOf(final, 'HEALTHCHECK');
  const [, command = '[]'] = check.split('CMD ');
  const [node, file] = JSON.parse(command) as string[];
  assert.equal(node, 'node');
  assert.ok(copies(final).some((words) => words[0] === file));
  assert.match(check, /--start-period=\d+s/);
});

test('the scripts of the packaging can be executed', () => {
  for (const script of [
    'deploy/slim-modules.sh',
    'deploy/try-dockerfile.sh',
    'vagrant/provision.sh',
  ]) {
    assert.ok((statSync(join(ROOT, script)).mode & 0o111) !== 0, script);
  }
});

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DCLinter } from 'dclint';
import { parse } from 'yaml';
import { parseSettings } from '../../../src/settings/settings.ts';
import { SETTING_NAMES } from '../../../src/settings/table.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const FILE = join(ROOT, 'compose.yaml');

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly hostname?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

/** The package's own declarations do not resolve under this project's module resolution. */
interface LintResult {
  readonly messages: readonly { readonly type: string; readonly message: string }[];
}

const { services, volumes } = parse(readFileSync(FILE, 'utf8'), { merge: true }) as Compose;
const nodes = Object.entries(services).filter(([, { build }]) => build !== undefined);
const settingsOf = ({ environment = {} }: Service) =>
  parseSettings({ STORAGE: 'distributed', ...environment }, []);

test('compose.yaml fits the schema of the Compose specification', () => {
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] });
  const results: readonly LintResult[] = linter.lintFiles([FILE], false);
  const messages = results.flatMap((result) => result.messages);
  assert.deepEqual(
    messages.filter(({ type }) => type === 'error'),
    [],
  );
});

test('three nodes are built from the Dockerfile, each with data of its own', () => {
  assert.deepEqual(
    nodes.map(([name]) => name),
    ['node1', 'node2', 'node3'],
  );
  const data = nodes.map(([, service]) => service.volumes?.join());
  assert.deepEqual(data, ['node1:/data', 'node2:/data', 'node3:/data']);
});

test('a node is known by the name under which the others find it', () => {
  for (const [name, service] of nodes) {
    assert.equal(settingsOf(service).NODE_ADDRESS, name);
    assert.equal(service.hostname, name);
  }
});

test('the nodes are given settings that exist, and the services that are there', () => {
  for (const [, service] of nodes) {
    const foreign = Object.keys(service.environment ?? {}).filter(
      (name) => !SETTING_NAMES.some((each) => each === name),
    );
    assert.deepEqual(foreign, []);
    const { BROKER_LIST, ZOOKEEPER_HOSTS, KAFKA_REPLICATION } = settingsOf(service);
    assert.equal(BROKER_LIST, 'kafka:9092');
    assert.equal(ZOOKEEPER_HOSTS, 'zookeeper:2181');
    assert.equal(KAFKA_REPLICATION, 1);
  }
  assert.match(services['kafka']?.environment?.['KAFKA_ADVERTISED_LISTENERS'] ?? '', /kafka:9092$/);
});

test('every service has a health check, its own or its image’s', () => {
  for (const [name, { build, healthcheck }] of Object.entries(services)) {
    assert.equal(healthcheck === undefined, build !== undefined, name);
  }
});

test('nothing is waited for that is not there, or for less than its health', () => {
  let dependencies = 0;
  for (const { depends_on = {} } of Object.values(services)) {
    for (const [name, { condition }] of Object.entries(depends_on)) {
      assert.ok(name in services, name);
      assert.equal(condition, 'service_healthy');
      dependencies++;
    }
  }
  assert.equal(dependencies, 9);
});

test('volumes are declared, mounted files exist', () => {
  const mounted = Object.values(services).flatMap((service) => service.volumes ?? []);
  const [files, named] = [
    mounted.filter((each) => each.startsWith('./')),
    mounted.filter((each) => !each.startsWith('./')).map((each) => each.split(':')[0]),
  ];
  assert.deepEqual(named.sort(), Object.keys(volumes).sort());
  for (const file of files) assert.ok(existsSync(join(ROOT, file.split(':')[0] ?? '')), file);
});

test('ports are published on the loopback only, those that the balancer binds', () => {
  const published = Object.entries(services).flatMap(([name, { ports = [] }]) =>
    ports.map((port) => ({ name, port })),
  );
  assert.deepEqual(published, [
    { name: 'balancer', port: '127.0.0.1:8080:8080' },
    { name: 'balancer', port: '127.0.0.1:8081:8081' },
  ]);
});

test('the balancer’s servers are the nodes and their doors', () => {
  const text = readFileSync(join(ROOT, 'deploy/haproxy.cfg'), 'utf8');
  const servers = [...text.matchAll(/^ +server (\S+) (\S+?)(?: port (\d+))?$/gm)];
  assert.deepEqual(
    servers.map(([, name, address, port]) => ({ name, address, port })),
    [
      ...nodes.map(([name, service]) => ({
        name,
        address: `${name}:${settingsOf(service).API_PORT}`,
        port: undefined,
      })),
      ...nodes.map(([name, service]) => ({
        name,
        address: `${name}:${settingsOf(service).AVRO_PORT}`,
        port: String(settingsOf(service).API_PORT),
      })),
    ],
  );
  assert.deepEqual(
    [...text.matchAll(/^ +bind :(\d+)$/gm)].map(([, port]) => port),
    ['8080', '8081'],
  );
});

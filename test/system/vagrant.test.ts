import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Admin } from '@platformatic/kafka';
import { freePorts, removeFolder, ServiceProcess, serviceFolder } from '../services/process.ts';

const run = promisify(execFile);
const SCRIPT = new URL('../../vagrant/provision.sh', import.meta.url).pathname;
const PROVISION_MS_MAX = 5 * 60_000;
const START_MS_MAX = 90_000;
const ASK_MS_MAX = 5_000;

/** All that provision.sh does inside a virtual machine, but for packages, the user and systemd. */
describe('the virtual machine’s Kafka and ZooKeeper', () => {
  let folder: string;
  let env: Record<string, string | undefined>;
  let kafkaPort = 0;
  let zookeeperPort = 0;
  const services: ServiceProcess[] = [];

  before(async () => {
    folder = await serviceFolder('vagrant');
    const ports = await freePorts(3);
    [kafkaPort = 0, zookeeperPort = 0] = ports;
    env = {
      ...process.env,
      START: 'no',
      SERVICES_HOME: join(folder, 'home'),
      UNIT_FOLDER: join(folder, 'units'),
      LISTEN_ADDRESS: '127.0.0.1',
      KAFKA_PORT: `${kafkaPort}`,
      ZOOKEEPER_PORT: `${zookeeperPort}`,
      CONTROLLER_PORT: `${ports[2]}`,
    };
  });

  after(async () => {
    await Promise.all(services.map((service) => service.kill()));
    await removeFolder(folder);
  });

  const provision = () => run('bash', [SCRIPT], { env, timeout: PROVISION_MS_MAX });
  const identity = () => readFile(join(folder, 'home/data/kafka/meta.properties'), 'utf8');

  /** Runs what the unit file says, word by word. */
  async function startUnit(name: string): Promise<ServiceProcess> {
    const unit = await readFile(join(folder, 'units', `${name}.service`), 'utf8');
    const command = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
    const service = await ServiceProcess.start({ name, folder, command });
    services.push(service);
    return service;
  }

  it('are installed by the script, which changes nothing when it is run again', async () => {
    await provision();
    const first = await identity();
    assert.match(first, /^cluster\.id=.{22}$/m);
    const jar = join(folder, 'home/kafka/pom.xml');
    await writeFile(`${jar}.seen`, '');
    await provision();
    assert.equal(await identity(), first);
    assert.equal(await readFile(`${jar}.seen`, 'utf8'), '', 'the jars were fetched again');
  });

  it('answer when they are started as their units say', async () => {
    const [zookeeper, kafka] = [await startUnit('zookeeper'), await startUnit('kafka')];
    await zookeeper.untilReady('ZooKeeper', START_MS_MAX, async () => {
      return (await ask(zookeeperPort, 'ruok')) === 'imok';
    });
    await kafka.untilReady('Kafka', START_MS_MAX, async () => {
      const { brokers } = await asAdmin(kafkaPort, (admin) =>
        admin.metadata({ topics: [], forceUpdate: true }),
      );
      return [...brokers.values()].some(({ host, port }) => {
        return host === '127.0.0.1' && port === kafkaPort;
      });
    });
    const topic = { topics: ['t'], partitions: 1, replicas: 1 };
    const created = await asAdmin(kafkaPort, (admin) => admin.createTopics(topic));
    assert.equal(created.length, 1);
  });
});

async function asAdmin<T>(port: number, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({
    clientId: 'bitacora-test',
    bootstrapBrokers: [`127.0.0.1:${port}`],
    retries: false,
    connectTimeout: ASK_MS_MAX,
    timeout: ASK_MS_MAX,
  });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

function ask(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(word));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}

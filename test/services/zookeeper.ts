import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { jarFolder, ZOOKEEPER_JARS } from './jars.ts';
import { loggingOptions } from './logging.ts';
import { freePorts, removeFolder, ServiceProcess, serviceFolder } from './process.ts';

const START_MS_MAX = 60_000;
const ANSWER_MS_MAX = 2_000;
const MAIN = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';

/** One real ZooKeeper in a process of its own; it keeps its port and data over kill and start. */
export class ZookeeperServer {
  readonly port: number;
  /** Its data and its log; gone after `stop`. */
  readonly folder: string;
  readonly #jars: string;
  #process: ServiceProcess | undefined;

  private constructor(port: number, folder: string, jars: string) {
    this.port = port;
    this.folder = folder;
    this.#jars = jars;
  }

  static async open(tickTime: number): Promise<ZookeeperServer> {
    const jars = await jarFolder(ZOOKEEPER_JARS);
    const folder = await serviceFolder('zookeeper');
    const [port = 0] = await freePorts(1);
    await writeFile(
      join(folder, 'zoo.cfg'),
      `tickTime=${tickTime}
dataDir=${join(folder, 'data')}
clientPort=${port}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=*
maxClientCnxns=0
`,
    );
    const server = new ZookeeperServer(port, folder, jars);
    try {
      await server.start();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get hosts(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#process?.running ? this.#process.pid : undefined;
  }

  /** Starts it again on the same port; `wipe`: with nothing in it. */
  async start({ wipe = false }: { readonly wipe?: boolean } = {}): Promise<void> {
    if (this.#process?.running) throw new Error('this ZooKeeper is running');
    if (wipe) await rm(join(this.folder, 'data'), { recursive: true, force: true });
    this.#process = await ServiceProcess.start({
      name: 'zookeeper',
      folder: this.folder,
      command: [
        'java',
        '-Xmx128m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        ...(await loggingOptions(this.folder)),
        '-Dzookeeper.jmx.log4j.disable=true',
        '-cp',
        `${this.#jars}/*`,
        MAIN,
        'zoo.cfg',
      ],
    });
    await this.#process.untilReady(
      'ZooKeeper',
      START_MS_MAX,
      async () => (await this.ask('ruok')) === 'imok' && /^Mode:/m.test(await this.ask('srvr')),
    );
  }

  /** Ends it at once (SIGKILL), as a crash does. */
  async kill(): Promise<void> {
    await this.#process?.kill('SIGKILL');
  }

  /** Freezes it: connections stay open, nothing answers. */
  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  /** The answer to one of ZooKeeper's four-letter words, such as `ruok` or `cons`. */
  ask(word: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write(word));
      let answer = '';
      socket.setEncoding('utf8');
      socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error('no answer')));
      socket.on('data', (text: string) => {
        answer += text;
      });
      socket.once('error', reject);
      socket.once('close', () => resolve(answer));
    });
  }

  async stop(): Promise<void> {
    await this.kill();
    await removeFolder(this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts a ZooKeeper of its own; sessions may last 2 to 20 ticks (of `tickTime` ms). */
export function startZookeeper({
  tickTime = 500,
}: {
  readonly tickTime?: number;
} = {}): Promise<ZookeeperServer> {
  return ZookeeperServer.open(tickTime);
}

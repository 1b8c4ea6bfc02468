import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { request } from 'undici';
import { freePorts, removeFolder, ServiceProcess, serviceFolder } from '../services/process.ts';

const run = promisify(execFile);
const SHIPPED = new URL('../../deploy/haproxy.cfg', import.meta.url).pathname;
const READY_MS_MAX = 10_000;

/** The doors (`host:port`) of a node behind the balancer. */
export interface BalancedNode {
  readonly http: string;
  readonly avro: string;
}

/** A real HAProxy with the shipped configuration; only its ports and servers are others. */
export class Haproxy {
  /** `host:port` of the balanced doors. */
  readonly http: string;
  readonly avro: string;
  readonly #process: ServiceProcess;
  readonly #folder: string;

  private constructor(ports: readonly number[], process: ServiceProcess, folder: string) {
    [this.http, this.avro] = [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`];
    this.#process = process;
    this.#folder = folder;
  }

  static async start(nodes: readonly BalancedNode[]): Promise<Haproxy> {
    const folder = await serviceFolder('haproxy');
    const ports = await freePorts(2);
    const path = join(folder, 'haproxy.cfg');
    await writeFile(path, configuration(await readFile(SHIPPED, 'utf8'), ports, nodes));
    const command = ['haproxy', '-db', '-f', path];
    const process = await ServiceProcess.start({ name: 'haproxy', folder, command });
    const haproxy = new Haproxy(ports, process, folder);
    await process.untilReady('HAProxy', READY_MS_MAX, async () => {
      const { statusCode, body } = await request(`http://${haproxy.http}/balancer`);
      await body.dump();
      return statusCode === 200;
    });
    return haproxy;
  }

  async stop(): Promise<void> {
    await this.#process.kill('SIGTERM');
    await removeFolder(this.#folder);
  }
}

/** What HAProxy itself says of the shipped file; rejects where it is not installed. */
export async function checkShipped(): Promise<string> {
  try {
    const { stdout, stderr } = await run('haproxy', ['-c', '-f', SHIPPED]);
    return stdout + stderr;
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT') throw new Error('haproxy is not installed: apt-get install haproxy');
    return `${stdout}${stderr}`;
  }
}

function configuration(
  text: string,
  ports: readonly number[],
  nodes: readonly BalancedNode[],
): string {
  const replaced = (from: string, to: string, where: string) => {
    if (!where.includes(from)) throw new Error(`haproxy.cfg has no ${from}`);
    return where.replace(from, to);
  };
  let given = replaced('bind :8080', `bind 127.0.0.1:${ports[0]}`, text);
  given = replaced('bind :8081', `bind 127.0.0.1:${ports[1]}`, given);
  for (const [index, { http, avro }] of nodes.entries()) {
    const name = `node${index + 1}`;
    const httpPort = http.split(':')[1];
    given = replaced(`${name}:8082`, http, given);
    given = replaced(`${name}:8083 port 8082`, `${avro} port ${httpPort}`, given);
  }
  return given;
}

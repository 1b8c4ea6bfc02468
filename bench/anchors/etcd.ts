import { debianProgram } from '../common/debian.ts';
import { httpDialect, postRequest } from '../common/http-dialect.ts';
import { startProgram } from '../common/program.ts';
import { freePort, HOST } from '../common/sockets.ts';
import type { Absent } from '../frame/absent.ts';
import type { Anchor } from './anchor.ts';

/** One etcd member, through its JSON gateway. */
export async function startEtcd(): Promise<Anchor | Absent> {
  const installed = await debianProgram('etcd', 'etcd-server');
  if ('absent' in installed) return installed;
  const [port, peerPort] = [await freePort(), await freePort()];
  const [clients, peers] = [`http://${HOST}:${port}`, `http://${HOST}:${peerPort}`];
  const args = (folder: string) => [
    ...['--data-dir', folder, '--initial-cluster', `default=${peers}`],
    ...['--listen-client-urls', clients, '--advertise-client-urls', clients],
    ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers],
  ];
  const program = await startProgram({ ...installed, port, args });
  const dialect = (path: string, body: (n: number) => object) => () =>
    httpDialect(200, (n) => postRequest(path, 'application/json', JSON.stringify(body(n))));
  return {
    pid: program.pid,
    port,
    get: (key) => dialect('/v3/kv/range', (n) => ({ key: base64(key(n)) })),
    put: (key, value) =>
      dialect('/v3/kv/put', (n) => ({ key: base64(key(n)), value: base64(value) })),
    stop: () => program.stop(),
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SIZE = '192m';
const BALLAST_PIECE = Buffer.alloc(1024 * 1024, 1);

/** Mounts, says so, and keeps the namespace until standard input closes. */
const HOLDER = `mount -t tmpfs -o size=${SIZE} tmpfs "$1" && echo mounted && read -r _`;

/** A disk that can be filled: a small tmpfs that only the programs started `within` it see. */
export class SmallDisk {
  /** Where a program within it finds its folder. */
  readonly folder: string;
  /** Words before a command that is to see the disk. */
  readonly within: readonly string[];
  readonly #holder: ChildProcess;
  readonly #mountPoint: string;

  private constructor(holder: ChildProcess, mountPoint: string) {
    this.#holder = holder;
    this.#mountPoint = mountPoint;
    this.folder = join(mountPoint, 'data');
    this.within = ['nsenter', '-m', '-t', String(holder.pid), '--'];
  }

  /** Rejects, with the reason, where this process may not mount. */
  static async make(): Promise<SmallDisk> {
    const mountPoint = await mkdtemp(join(tmpdir(), 'bitacora-disk-'));
    const holder = spawn('unshare', ['-m', 'sh', '-c', HOLDER, 'holder', mountPoint], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let said = '';
    holder.stderr.on('data', (text) => {
      said += text;
    });
    const mounted = once(createInterface(holder.stdout), 'line').then(() => true);
    const failed = once(holder, 'close').then(
      () => false,
      (error: Error) => {
        said += error.message;
        return false;
      },
    );
    if (!(await Promise.race([mounted, failed]))) {
      await rm(mountPoint, { recursive: true, force: true });
      throw new Error(`no small disk: ${said.trim()}`);
    }
    const disk = new SmallDisk(holder, mountPoint);
    await mkdir(disk.seen(disk.folder));
    return disk;
  }

  /** The path of one of its files, from outside. */
  seen(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  async fill(): Promise<void> {
    const file = await open(this.#ballast, 'w');
    try {
      for (;;) await file.write(BALLAST_PIECE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async wipe(): Promise<void> {
    await rm(this.seen(this.folder), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    const ended = once(this.#holder, 'close');
    this.#holder.stdin?.end();
    await ended;
    await rm(this.#mountPoint, { recursive: true, force: true });
  }

  get #ballast(): string {
    return this.seen(join(this.#mountPoint, 'ballast'));
  }
}

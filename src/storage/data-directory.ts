import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Entry } from '../entry.ts';
import { ExitError, messageOf } from '../errors.ts';
import { syncDirectory } from './atomic-file.ts';
import { lockDirectory } from './directory-lock.ts';
import { saveEntries } from './lost-file.ts';
import { type NodeFacts, readNodeFile, writeNodeFile } from './node-file.ts';
import { type Storage, StorageError } from './storage.ts';

const TABLE = 'table';
const LOG = 'log';
const LOCK = 'lock';
const NODE_FILE = 'node.json';
const HOLDER_FILE = 'holder.json';
const OWN_NAMES: readonly string[] = [
  TABLE,
  LOG,
  LOCK,
  NODE_FILE,
  `${NODE_FILE}.tmp`,
  HOLDER_FILE,
  'lost+found',
];
const CORRUPT_PREFIX = `${TABLE}.corrupt-`;
const OWN_PREFIXES: readonly string[] = ['.', 'lost-', 'set-aside-', CORRUPT_PREFIX];

export interface DataDirectoryOptions {
  readonly storage: 'distributed' | 'standalone';
  readonly codec: string;
  /** The node id that was given, if one was. */
  readonly nodeId?: string | undefined;
}

/** A node's directory, held by this process alone. `holder.json` only lets the refusal name the process. */
export class DataDirectory {
  /** Absolute. */
  readonly path: string;
  readonly #lock: Storage;
  #facts: NodeFacts;

  private constructor(path: string, lock: Storage, facts: NodeFacts) {
    this.path = path;
    this.#lock = lock;
    this.#facts = facts;
  }

  /**
   * Makes or opens it. ExitError 2: locked, foreign, unusable, or of another node id, codec or
   * storage; 1: the disk is full or the lock damaged.
   */
  static async open(directory: string, options: DataDirectoryOptions): Promise<DataDirectory> {
    const path = resolve(directory);
    await prepare(path);
    const lock = await takeLock(path);
    try {
      const facts = (await readNodeFile(join(path, NODE_FILE))) ?? (await found(path, options));
      refuseOther(path, facts, options);
      const held = new DataDirectory(path, lock, facts);
      if (options.nodeId !== undefined) await held.setNodeId(options.nodeId);
      await writeFile(join(path, HOLDER_FILE), `${JSON.stringify({ pid: process.pid })}\n`);
      return held;
    } catch (error) {
      await lock.close();
      throw error instanceof ExitError ? error : unusable(path, error);
    }
  }

  /** Random, made once: tells a node from another one that has taken its address. */
  get instance(): string {
    return this.#facts.instance;
  }

  /** Undefined until `setNodeId`, now or in an earlier process. */
  get nodeId(): string | undefined {
    return this.#facts.nodeId;
  }

  get logPath(): string {
    return join(this.path, LOG);
  }

  get tablePath(): string {
    return join(this.path, TABLE);
  }

  /** Where entries go that the log has lost; `name` tells one loss from another. */
  lostPath(name: string): string {
    return join(this.path, `lost-${name.replaceAll(/[^\w.-]/g, '_')}`);
  }

  /** Writes lost entries to a file of their own; its path, or undefined where there was none. */
  async saveLost(
    partition: number,
    entries: AsyncIterable<{ readonly key: string; readonly entry: Entry }>,
  ): Promise<string | undefined> {
    const free = await this.#freeName((n) => `lost-${partition}-${n}.ndjson`);
    return saveEntries(this.lostPath(free.slice('lost-'.length)), partition, entries);
  }

  /** Moves the table away, which nobody may have open. Gives the folder it is in from now on. */
  async setAside(): Promise<string> {
    const folder = join(this.path, await this.#freeName((n) => `set-aside-${n}`));
    await rename(this.tablePath, folder);
    await syncDirectory(this.path);
    return folder;
  }

  /**
   * Moves a damaged table away, as `setAside` does. One is kept, for whoever wants to know why: it can
   * be rebuilt, and the disk shall not fill with what cannot be read.
   */
  async setAsideCorrupt(): Promise<string> {
    const former = (await readdir(this.path)).filter((name) => name.startsWith(CORRUPT_PREFIX));
    const name = await this.#freeName((n) => `${CORRUPT_PREFIX}${n}`);
    await rename(this.tablePath, join(this.path, name));
    await syncDirectory(this.path);
    for (const each of former) await rm(join(this.path, each), { recursive: true, force: true });
    return join(this.path, name);
  }

  /** Stores the node id once; another one than the stored is ExitError 2. */
  async setNodeId(nodeId: string): Promise<void> {
    const stored = this.#facts.nodeId;
    if (stored === nodeId) return;
    if (stored !== undefined) throw otherNode(this.path, stored, nodeId);
    const facts = { ...this.#facts, nodeId };
    await writeNodeFile(join(this.path, NODE_FILE), facts);
    this.#facts = facts;
  }

  /** Gives up the directory. What was opened in it is closed before. Idempotent. */
  close(): Promise<void> {
    return this.#lock.close();
  }

  async #freeName(nameOf: (n: number) => string): Promise<string> {
    const names = new Set(await readdir(this.path));
    for (let n = 1; ; n += 1) if (!names.has(nameOf(n))) return nameOf(n);
  }
}

/** Makes the directory, or looks whether it may be ours, before anything is written into it. */
async function prepare(path: string): Promise<void> {
  try {
    if (await makeFolders(path)) await syncDirectory(dirname(path));
    await refuseForeign(path);
  } catch (error) {
    throw error instanceof ExitError ? error : unusable(path, error);
  }
}

/**
 * Makes a folder and those above it; whether it was not there. Not mkdir's own `recursive`: that tries
 * for ever where a folder that is there takes no other, as in /proc.
 */
async function makeFolders(path: string): Promise<boolean> {
  const made = await makeFolder(path);
  if (made !== 'no parent') return made;
  const parent = dirname(path);
  if (parent !== path) await makeFolders(parent);
  const again = await makeFolder(path);
  if (again === 'no parent') throw new Error(`no folder can be made in ${parent}`);
  return again;
}

async function makeFolder(path: string): Promise<boolean | 'no parent'> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT') return 'no parent';
    throw error;
  }
}

async function refuseForeign(path: string): Promise<void> {
  const names = await readdir(path);
  if (names.includes(NODE_FILE)) return;
  const foreign = names.filter(
    (name) => !OWN_NAMES.includes(name) && !OWN_PREFIXES.some((each) => name.startsWith(each)),
  );
  if (foreign.length === 0) return;
  throw new ExitError(
    2,
    `${path} holds files that are not ours (${foreign.slice(0, 3).join(', ')}): ` +
      'give an empty or a new directory as DATA_DIR',
  );
}

async function takeLock(path: string): Promise<Storage> {
  try {
    return await lockDirectory(join(path, LOCK));
  } catch (error) {
    const kind = error instanceof StorageError ? error.kind : 'other';
    if (kind === 'locked') {
      const holder = await holderOf(path);
      const who = holder === undefined ? 'another process' : `process ${holder}`;
      throw new ExitError(
        2,
        `${path} is in use by ${who}: stop it, or give another DATA_DIR`,
        error,
      );
    }
    if (kind === 'corrupt') {
      const remedy = `if no node runs on it, remove ${join(path, LOCK)}: it holds no data`;
      throw new ExitError(1, `${path} has a damaged lock; ${remedy}: ${messageOf(error)}`, error);
    }
    if (kind === 'full') {
      throw new ExitError(1, `${path} is on a full disk: ${messageOf(error)}`, error);
    }
    throw unusable(path, error);
  }
}

async function holderOf(path: string): Promise<number | undefined> {
  try {
    const said: unknown = JSON.parse(await readFile(join(path, HOLDER_FILE), 'utf8'));
    const pid = typeof said === 'object' && said !== null && 'pid' in said ? said.pid : undefined;
    return typeof pid === 'number' ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** A directory without node.json: a new one, or one whose first start was cut short. */
async function found(path: string, { codec, storage }: DataDirectoryOptions): Promise<NodeFacts> {
  const names = await readdir(path);
  if (names.includes(TABLE) || names.includes(LOG)) {
    throw new ExitError(
      2,
      `${path} holds data but its ${NODE_FILE} is gone: restore it from a copy, ` +
        'or give an empty DATA_DIR to start anew',
    );
  }
  const facts: NodeFacts = { instance: randomUUID(), nodeId: undefined, codec, storage };
  await writeNodeFile(join(path, NODE_FILE), facts);
  return facts;
}

function refuseOther(path: string, facts: NodeFacts, options: DataDirectoryOptions): void {
  const { storage, codec, nodeId } = options;
  if (facts.storage !== storage) {
    throw new ExitError(
      2,
      `${path} belongs to a ${facts.storage} node, this one is ${storage}: ` +
        `give STORAGE=${facts.storage}, or another DATA_DIR`,
    );
  }
  if (facts.codec !== codec) {
    throw new ExitError(
      2,
      `${path} was written with CODEC=${facts.codec}, not ${codec}: ` +
        `give CODEC=${facts.codec}, or another DATA_DIR`,
    );
  }
  if (nodeId !== undefined && facts.nodeId !== undefined && nodeId !== facts.nodeId) {
    throw otherNode(path, facts.nodeId, nodeId);
  }
}

function otherNode(path: string, stored: string, given: string): ExitError {
  return new ExitError(
    2,
    `${path} belongs to node ${stored}, not ${given}: ` +
      `give NODE_ID=${stored} or none, or another DATA_DIR`,
  );
}

function unusable(path: string, error: unknown): ExitError {
  return new ExitError(
    2,
    `${path} cannot be used as the data directory: ${messageOf(error)}; ` +
      'give a directory as DATA_DIR that this user may write to',
    error,
  );
}

import { readFile } from 'node:fs/promises';
import { ExitError, messageOf } from '../errors.ts';
import { writeFileAtomically } from './atomic-file.ts';

export const NODE_FILE_FORMAT = 1;

/** What a data directory says about the node that it belongs to. */
export interface NodeFacts {
  /** Random, made once. */
  readonly instance: string;
  /** Undefined until the node knows its address. */
  readonly nodeId: string | undefined;
  readonly codec: string;
  readonly storage: string;
}

/** Undefined where there is no such file; ExitError 2 where it cannot be understood. */
export async function readNodeFile(path: string): Promise<NodeFacts | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new ExitError(2, `${path} cannot be read: ${messageOf(error)}`, error);
  }
  try {
    return parse(text);
  } catch (error) {
    const remedy = 'restore it from a copy, or give an empty DATA_DIR to start anew';
    throw new ExitError(2, `${path} cannot be used: ${messageOf(error)}; ${remedy}`, error);
  }
}

export async function writeNodeFile(path: string, facts: NodeFacts): Promise<void> {
  const { instance, nodeId, codec, storage } = facts;
  const stored = { format: NODE_FILE_FORMAT, instance, id: nodeId, codec, storage };
  await writeFileAtomically(path, `${JSON.stringify(stored, undefined, 2)}\n`);
}

function parse(text: string): NodeFacts {
  const stored: unknown = JSON.parse(text);
  if (typeof stored !== 'object' || stored === null) throw new Error('it is no JSON object');
  const fields = new Map<string, unknown>(Object.entries(stored));
  const format = fields.get('format');
  if (format !== NODE_FILE_FORMAT) {
    throw new Error(`its format is ${JSON.stringify(format)}, this version knows only 1`);
  }
  const named = (name: string): string => {
    const value = fields.get(name);
    if (typeof value === 'string' && value !== '') return value;
    throw new Error(`its field "${name}" is no text`);
  };
  return {
    instance: named('instance'),
    nodeId: fields.has('id') ? named('id') : undefined,
    codec: named('codec'),
    storage: named('storage'),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

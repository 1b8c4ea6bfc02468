import { request } from 'undici';
import type { Operation, Outcome } from './history.ts';
import { now } from './recorder.ts';
import type { TortureNode } from './torture-node.ts';
import { makeValue, readValue } from './values.ts';

/** Longer than the nodes' own deadlines: what takes longer has no answer. */
const ANSWER_MS_MAX = 8_000;

export interface HttpOperation {
  readonly kind: Operation['kind'];
  readonly key: string;
  /** The name of the value to put. */
  readonly value?: string;
  readonly after?: string | undefined;
  /** Reads: what the node itself has, no peers. */
  readonly own?: boolean;
}

const METHODS = { put: 'POST', get: 'GET', delete: 'DELETE' } as const;
const OUTCOMES = new Set(['not_written', 'unknown']);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Does it and tells what came of it; never rejects. */
export async function httpOperation(node: TortureNode, what: HttpOperation): Promise<Operation> {
  const { kind, key, value, after } = what;
  const runBefore = node.run;
  const startedAt = now();
  const answer = await send(node, what);
  const run = node.run === runBefore ? runBefore : undefined;
  const asked = {
    door: 'http',
    node: node.name,
    run,
    kind,
    key,
    startedAt,
    endedAt: now(),
  } as const;
  if ('code' in answer) {
    return { ...asked, value, after, outcome: 'no_answer', status: 0, code: answer.code };
  }
  const { status } = answer;
  if (kind === 'get') return { ...asked, after, status, ...readOf(answer, what.own === true) };
  const body = jsonOf(answer.text);
  if (status === 200) return { ...asked, value, status, outcome: 'ok', version: body.version };
  const known = OUTCOMES.has(body.outcome ?? '') ? (body.outcome as Outcome) : 'refused';
  return { ...asked, value, status, outcome: known, code: body.code };
}

async function send(node: TortureNode, what: HttpOperation): Promise<Answer | { code: string }> {
  const { kind, key, value, after, own = false } = what;
  const wait = after === undefined ? '' : `&after=${after}`;
  const path = `/rpc${own ? '/cluster' : ''}?key=${encodeURIComponent(key)}${wait}`;
  try {
    const answer = await request(`http://${node.http}${path}`, {
      method: METHODS[kind],
      dispatcher: node.agent,
      ...(value !== undefined && { body: makeValue(value) }),
      headers: { 'content-type': 'application/octet-stream' },
      headersTimeout: ANSWER_MS_MAX,
      bodyTimeout: ANSWER_MS_MAX,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const { statusCode: status, headers } = answer;
    return { status, headers, text: await answer.body.text() };
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}

function readOf({ status, headers, text }: Answer, own: boolean) {
  const body = jsonOf(text);
  if (status !== 200 && status !== 404) {
    return { outcome: 'refused', code: body.code ?? text.slice(0, 80) } as const;
  }
  const trust = headers['bitacora-read'] as string | undefined;
  const told = body.source ?? undefined;
  return {
    outcome: 'ok',
    value: body.value === undefined ? undefined : readValue(body.value),
    version: headers['bitacora-version'] as string | undefined,
    trust,
    source: own || trust === 'final' ? 1 : told,
  } as const;
}

interface Body {
  readonly value?: string;
  readonly version?: string;
  readonly source?: 1 | 2;
  readonly outcome?: string;
  readonly code?: string;
}

function jsonOf(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {};
  }
}

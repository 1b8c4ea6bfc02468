import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ServiceError } from '../../../src/errors.ts';
import type { DoubleStore } from '../../helpers/double-store.ts';
import { openDoor } from '../../helpers/http-door.ts';
import { rawExchange } from '../../helpers/raw-http.ts';

/**
 * Transcripts in test/golden/http: `## case` (in brackets the state of the store), `> ` a line of
 * the request, `>. ` bytes without a line end, `< ` and `<. ` the same of the answer. Bytes that
 * are no printable ASCII are written \xNN. BITACORA_GOLDEN=write writes the answers anew.
 */
const FOLDER = new URL('../../golden/http/', import.meta.url);
const REWRITE = process.env['BITACORA_GOLDEN'] === 'write';

const STATES: Readonly<Record<string, (store: DoubleStore) => void>> = {
  behind: (store) => {
    store.trust = 'behind';
    store.immediate = false;
  },
  peer: (store) => {
    store.trust = 'peer';
    store.source = 2;
    store.immediate = false;
  },
  'java peer': (store) => {
    store.trust = 'peer';
    store.source = 2;
    store.immediate = false;
    store.entries.set('one', {
      kind: 'live',
      offset: -1,
      timestamp: 1_600_000_000_000,
      value: Buffer.from('old'),
    });
  },
  'no log': (store) => {
    store.log = undefined;
  },
  recovering: (store) => {
    store.fault = new ServiceError('recovering', 'Recovering', { retryAfterS: 2 });
  },
  'recovering, write': (store) => {
    store.fault = new ServiceError('recovering', 'Recovering', { outcome: 'not_written' });
  },
  overloaded: (store) => {
    store.fault = new ServiceError('overloaded', 'Too much', { outcome: 'not_written' });
  },
  'log away': (store) => {
    store.fault = new ServiceError('log_unavailable', 'No log', { outcome: 'unknown' });
  },
  'storage broken': (store) => {
    store.fault = new ServiceError('storage', 'The disk is full');
  },
  bug: (store) => {
    store.fault = new TypeError('secret of the inside');
  },
};

interface Case {
  readonly title: string;
  readonly request: readonly string[];
  readonly answer: readonly string[];
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))) {
  const url = new URL(file, FOLDER);
  test(`golden transcripts of ${file}`, async (t) => {
    const cases = parseCases(readFileSync(url, 'utf8'));
    assert.ok(cases.length > 0);
    const written: string[] = [];
    for (const { title, request, answer } of cases) {
      await t.test(title, async (t) => {
        const { store, port } = await openDoor(t, {
          limits: { valueBytesMax: 64, keyBytesMax: 32 },
        });
        store.seed('one', 'live', 'abc');
        store.seed('gone', 'marker');
        store.seed('odd', 'unreadable', 'unknown header "bitacora-x"');
        store.seed('é😀', 'live', 'ü<&>\n"\u2028');
        store.seed('bytes', 'live', Buffer.from([0xff, 0x00, 0xfe]));
        store.seed('empty', 'live');
        const state = /\[(.*)\]$/.exec(title)?.[1];
        if (state !== undefined) STATES[state]!(store);
        const got = toLines(await rawExchange(port, fromLines(request)));
        written.push([`## ${title}`, ...request, ...got, ''].join('\n'));
        if (!REWRITE) assert.deepEqual(got, answer);
      });
    }
    if (REWRITE) writeFileSync(url, written.join('\n'));
  });
}

function parseCases(text: string): Case[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [title = '', ...lines] = part.split('\n');
      return {
        title,
        request: lines.filter((line) => line.startsWith('>')),
        answer: lines.filter((line) => line.startsWith('<')),
      };
    });
}

function fromLines(lines: readonly string[]): string {
  return lines
    .map((line) => (line.startsWith('>. ') ? line.slice(3) : `${line.slice(2)}\r\n`))
    .join('')
    .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

function toLines(bytes: Buffer): string[] {
  const lines = bytes
    .toString('latin1')
    .replace(/^Date: .*(?=\r)/gm, 'Date: (now)')
    .split('\r\n')
    .map((line) =>
      line.replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
    );
  const last = lines.pop();
  return [...lines.map((line) => `< ${line}`.trimEnd()), ...(last ? [`<. ${last}`] : [])];
}

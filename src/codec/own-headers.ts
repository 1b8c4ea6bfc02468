import type { LogHeader } from '../record.ts';

const OWN_PREFIX = 'bitacora-';
const QUOTED_CHARACTERS_MAX = 64;

/** The headers whose names are ours to give a meaning to; all others are their producers' affair. */
export function ownHeaders(headers: readonly LogHeader[]): readonly LogHeader[] {
  return headers.length === 0 ? headers : headers.filter(({ name }) => name.startsWith(OWN_PREFIX));
}

/** A text of a stranger, in bounds and on one line. */
export function quoted(text: string): string {
  const shown =
    text.length > QUOTED_CHARACTERS_MAX ? `${text.slice(0, QUOTED_CHARACTERS_MAX)}…` : text;
  return JSON.stringify(shown.toWellFormed());
}

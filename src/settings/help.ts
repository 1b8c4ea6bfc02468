import {
  ACCEPT_NEW_LOG_FLAG,
  ACCEPT_NEW_LOG_MEANING,
  flagOf,
  SETTING_NAMES,
  SETTINGS,
} from './table.ts';

const INTRO = `Bitacora: one compacted Kafka topic as a multi-master, eventually consistent key-value service.

Usage:
  bitacora serve [flags]   run a node
  bitacora --help          this text
  bitacora --version       the version
`;

const NOTES = `Each setting is a variable and a flag; the flag wins. Sizes are bytes or KiB / MiB / GiB, times are
milliseconds, an empty variable counts as unset.

Exit codes: 0 clean stop, 1 failure, 2 settings or data that may not be used.
`;

/** The text of `bitacora --help`. */
export function helpText(): string {
  return `${INTRO}\n${settingsHelp()}\n${NOTES}`;
}

/** The text of `bitacora serve --help`. */
export function serveHelpText(): string {
  return `Usage: bitacora serve [flags]\n\n${settingsHelp()}\n${NOTES}`;
}

function settingsHelp(): string {
  const lines = SETTING_NAMES.map((name) => {
    const { fallback, meaning } = SETTINGS[name];
    return `  --${flagOf(name)} (${name})\n      ${plain(meaning)}\n      default: ${plain(fallback)}`;
  });
  lines.push(`  --${ACCEPT_NEW_LOG_FLAG}\n      ${ACCEPT_NEW_LOG_MEANING}`);
  return `Settings:\n${lines.join('\n')}\n`;
}

function plain(text: string): string {
  return text.replaceAll('`', '');
}

/** The README's table of settings, Markdown. */
export function settingsTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const { fallback, meaning } = SETTINGS[name];
    return `| \`${name}\` | ${fallback} | ${meaning} |`;
  });
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

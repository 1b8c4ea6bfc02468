import { readFileSync } from 'node:fs';

export const README = new URL('../../README.md', import.meta.url);

/** `npm run docs`: what the documents show of the code and of results is written anew before it is compared. */
export const WRITES_DOCUMENTS = process.env['BITACORA_README'] === 'write';

/** A command of a `console` block and what the README says that it prints. */
export interface ReadmeCommand {
  /** The nearest heading of the second level above it. */
  readonly section: string;
  readonly command: string;
  /** `…` stands for anything. */
  readonly answer: string;
}

export interface ReadmeBlock {
  readonly section: string;
  /** The word behind the fence, '' where there is none. */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a Markdown text, in order. */
export function fencedBlocks(markdown: string): ReadmeBlock[] {
  const blocks: ReadmeBlock[] = [];
  let section = '';
  let open: { language: string; lines: string[] } | undefined;
  for (const line of markdown.split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence === null) {
      if (open !== undefined) open.lines.push(line);
      else section = /^## (.+)$/.exec(line)?.[1] ?? section;
    } else if (open === undefined) {
      open = { language: fence[1] ?? '', lines: [] };
    } else {
      blocks.push({ section, language: open.language, text: open.lines.join('\n') });
      open = undefined;
    }
  }
  return blocks;
}

/** The commands of all `console` blocks: a line that begins with `$ `, and the lines behind it. */
export function readmeCommands(): ReadmeCommand[] {
  return fencedBlocks(readFileSync(README, 'utf8'))
    .filter(({ language }) => language === 'console')
    .flatMap(({ section, text }) =>
      `\n${text}`
        .split('\n$ ')
        .slice(1)
        .map((part) => {
          const [command = '', ...lines] = part.split('\n');
          return { section, command, answer: lines.join('\n').trimEnd() };
        }),
    );
}

/** The only block of a language. */
export function readmeProgram(language: string): string {
  const found = fencedBlocks(readFileSync(README, 'utf8')).filter(
    (block) => block.language === language,
  );
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${language} in the README`);
  return found[0]?.text ?? '';
}

const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\b\d{13}\b/g, 'TIME'],
  [/^Date: .*$/gm, 'Date: NOW'],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID'],
];

/** What differs from run to run, made the same: times, random ids. */
export function normalised(text: string): string {
  return VOLATILE.reduce((left, [pattern, word]) => left.replaceAll(pattern, word), text.trimEnd());
}

/** Whether an answer is the one that the README shows. */
export function matchesAnswer(shown: string, given: string): boolean {
  const parts = normalised(shown)
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\s\\S]*?')}$`).test(normalised(given));
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { settingsTable } from '../../../src/settings/help.ts';
import {
  ACCEPT_NEW_LOG_FLAG,
  flagOf,
  SETTING_NAMES,
  SETTINGS,
} from '../../../src/settings/table.ts';
import { parseCurl } from '../../helpers/curl.ts';
import {
  fencedBlocks,
  matchesAnswer,
  README,
  readmeCommands,
  WRITES_DOCUMENTS,
} from '../../helpers/readme.ts';

const TABLE = /(<!-- settings:.*?-->\n)([\s\S]*?)(\n?<!-- \/settings -->)/;
const LINES_MAX = 450;

const root = new URL('../../../', import.meta.url);
if (WRITES_DOCUMENTS) {
  const text = readFileSync(README, 'utf8');
  writeFileSync(
    README,
    text.replace(TABLE, (_, head) => `${head}${settingsTable()}\n<!-- /settings -->`),
  );
}
const readme = readFileSync(README, 'utf8');
const packageJson = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  bin: Record<string, string>;
  scripts: Record<string, string>;
  engines: { node: string };
  exports: Record<string, unknown>;
};

/** Documents whose links and commands are looked at. */
const DOCUMENTS = [
  'README.md',
  'docs/ARCHITECTURE.md',
  'docs/adr/README.md',
  'docs/PERFORMANCE.md',
];

describe('the README', () => {
  it('has the table of settings that the code has', () => {
    const shown = TABLE.exec(readme)?.[2];
    assert.ok(shown !== undefined, 'no markers');
    assert.equal(shown, settingsTable());
    for (const name of SETTING_NAMES) {
      const row: string =
        shown.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? '';
      assert.equal(row.split('|').length, 5, `${name}: a cell with a bar breaks the table`);
    }
  });

  it('names settings, flags and npm scripts that exist', () => {
    const settings = new Set<string>(SETTING_NAMES);
    const flags = new Set([...SETTING_NAMES.map(flagOf), ACCEPT_NEW_LOG_FLAG, 'help', 'version']);
    for (const [, script = ''] of readme.matchAll(/\bnpm (?:run )?(\w+)/g)) {
      const known = script in packageJson.scripts || ['ci', 'and'].includes(script);
      assert.ok(known, `npm ${script}`);
    }
    for (const [, command = ''] of readme.matchAll(/npx bitacora ([\w-]+)/g)) {
      assert.ok(['serve', '--help', '--version'].includes(command), command);
    }
    for (const [, flag = ''] of readme.matchAll(/`--([a-z-]+)`/g)) {
      assert.ok(flags.has(flag), `--${flag}`);
    }
    const others = ['TEST_BROKER_LIST', 'TEST_ZOOKEEPER_HOSTS', 'DOWN', 'OK', 'SIGTERM'];
    for (const [, name = ''] of readme.matchAll(/`([A-Z]+(?:_[A-Z]+)*)(?:=[^`]*)?`/g)) {
      assert.ok(settings.has(name) || others.includes(name), name);
    }
    for (const [, name = ''] of readme.matchAll(/\b([A-Z]+_[A-Z_]+)=/g)) {
      assert.ok(settings.has(name), name);
    }
  });

  it('names what the program answers to', () => {
    const help = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'src/main.ts', 'serve', '--help'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    assert.equal(help.status, 0);
    for (const name of SETTING_NAMES) assert.match(help.stdout, new RegExp(`--${flagOf(name)} `));
    assert.ok('bitacora' in packageJson.bin);
    assert.ok('./client' in packageJson.exports);
    assert.equal(packageJson.engines.node, '>=20.19');
    assert.match(readme, /Node\.js 20\.19 or later/);
  });

  it('gives limits as the settings have them', () => {
    assert.equal(SETTINGS.KEY_BYTES_MAX.fallback, '8KiB');
    assert.equal(SETTINGS.VALUE_BYTES_MAX.fallback, '1MiB');
    assert.match(readme, /Keys 8 KiB and values 1 MiB unless set otherwise \(values up to 15 MiB/);
  });

  it('shows only curl commands that a test replays', () => {
    const commands = readmeCommands();
    assert.ok(commands.length > 20, `${commands.length}`);
    for (const { command } of commands) {
      if (!command.includes('| kcat ')) parseCurl(command);
    }
    const stray = fencedBlocks(readme).filter(
      ({ language, text }) => language !== 'console' && /^\$ /m.test(text),
    );
    assert.deepEqual(stray, []);
  });

  it('needs the packages that the continuous integration installs', () => {
    const installed = /packages=\(([^)]*)\)/.exec(
      readFileSync(new URL('.ci/run', root), 'utf8'),
    )?.[1];
    const wanted = /`apt-get install ([^`]*)`/.exec(readme)?.[1]?.split(' ') ?? [];
    assert.ok(wanted.length > 5);
    for (const name of wanted) assert.ok(installed?.split(/\s+/).includes(name), name);
  });

  it('is short and speaks of the project alone', () => {
    assert.ok(readme.split('\n').length <= LINES_MAX);
    assert.doesNotMatch(readme, /\/(work|tmp|home|root)\//);
    assert.doesNotMatch(readme, /registry\.|npmjs|https?:\/\/(?!127\.0\.0\.1|example\.org)/);
  });
});

describe('the documents', () => {
  for (const document of DOCUMENTS) {
    it(`${document}: every link leads somewhere`, () => {
      const base = new URL(document, root);
      const text = readFileSync(base, 'utf8');
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
      for (const target of links) {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? base : new URL(path, base);
        assert.ok(existsSync(file), `${document}: ${target}`);
        if (anchor === undefined) continue;
        const anchors = [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
          anchorOf(title ?? ''),
        );
        assert.ok(anchors.includes(anchor), `${document}: ${target}`);
      }
    });
  }

  it('name files of the tree that exist', () => {
    for (const document of ['README.md', 'docs/ARCHITECTURE.md']) {
      const text = readFileSync(new URL(document, root), 'utf8');
      for (const [, path = ''] of text.matchAll(/`((?:src|test|docs|deploy|avro)\/[\w./-]+)`/g)) {
        assert.ok(existsSync(new URL(path, root)), `${document}: ${path}`);
      }
    }
  });
});

describe('the comparison of answers', () => {
  it('passes over times and what is left out, and nothing else', () => {
    const shown = '{"key":"a","timestamp":1795242607121,…,"end":1}';
    assert.ok(matchesAnswer(shown, '{"key":"a","timestamp":1800000000000,"x":[1,2],"end":1}\n'));
    assert.ok(!matchesAnswer(shown, '{"key":"a","timestamp":1800000000000,"x":[1,2],"end":2}'));
    assert.ok(!matchesAnswer('OK', 'OK now'));
    assert.ok(!matchesAnswer('a.c', 'abc'));
  });
});

/** As Markdown is shown: lower case, blanks to hyphens, no punctuation. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s-]/gu, '')
    .replaceAll(' ', '-');
}

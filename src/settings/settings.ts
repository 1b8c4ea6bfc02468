import { parseArgs } from 'node:util';
import { ACCEPT_NEW_LOG_FLAG, flagOf, SETTING_NAMES, SETTINGS, type SettingName } from './table.ts';

type Given = {
  [Name in SettingName]?: ReturnType<(typeof SETTINGS)[Name]['parse']>;
};

const DEFAULTS = {
  BROKER_LIST: '127.0.0.1:9092',
  ZOOKEEPER_HOSTS: '127.0.0.1:2181',
  ZOOKEEPER_SESSION_MS: 6_000,
  PEERS: [],
  KAFKA_TOPIC: 'bitacora',
  API_PORT: 8_082,
  DATA_DIR: './data',
  CODEC: 'raw',
  CACHE_BYTES_MAX: 2 ** 30,
  KEY_BYTES_MAX: 8 * 1_024,
  VALUE_BYTES_MAX: 2 ** 20,
  STALE_AFTER_MS: 100,
  PEER_TIMEOUT_MS: 60,
  WRITE_TIMEOUT_MS: 30_000,
  PEER_ALLOW: [],
  ALLOW_ORIGINS: [],
  KAFKA_SECURITY_PROTOCOL: 'plaintext',
  KAFKA_SASL_MECHANISM: 'PLAIN',
  LOG_LEVEL: 'info',
} as const satisfies Partial<Given>;

type Defaulted = keyof typeof DEFAULTS;
type Derived = 'STORAGE' | 'AVRO_PORT' | 'BIND_ADDRESS' | 'KAFKA_PARTITIONS';

/** All settings. What is undefined is decided by who knows: the host, the cluster, the data directory. */
export type Settings = {
  readonly [Name in Defaulted | Derived]: NonNullable<Given[Name]>;
} & {
  readonly [Name in Exclude<SettingName, Defaulted | Derived>]: Given[Name] | undefined;
} & {
  readonly acceptNewLog: boolean;
  /** Why STORAGE is what it is, for the first log line. */
  readonly storageReason: string;
};

/** Settings that cannot be used, all of them, a line each. */
export class BadSettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'BadSettingsError';
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settings from variables and flags; a flag wins. Pure, but for what `inspect` does: it looks at
 * what no text can tell, and gives a line for each problem.
 * @throws BadSettingsError naming everything that is wrong.
 */
export function parseSettings(
  environment: Environment,
  args: readonly string[],
  inspect: (settings: Settings) => readonly string[] = () => [],
): Settings {
  const problems: string[] = [];
  const flags = readFlags(args, problems);
  complainOfNearMisses(environment, problems);

  const given: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const flag = flags.texts.get(name);
    const variable = environment[name];
    const text = flag ?? (variable === '' ? undefined : variable);
    if (text === undefined) continue;
    try {
      given[name] = SETTINGS[name].parse(text.trim());
    } catch (error) {
      const shown = 'secret' in SETTINGS[name] ? 'a secret' : JSON.stringify(text);
      const source = flag === undefined ? name : `${name} (--${flagOf(name)})`;
      problems.push(`${source}: got ${shown}, expected ${(error as Error).message}`);
    }
  }
  const settings = complete(given as Given, flags.acceptNewLog, problems);
  problems.push(...inspect(settings));
  if (problems.length > 0) throw new BadSettingsError(problems);
  return settings;
}

function complete(given: Given, acceptNewLog: boolean, problems: string[]): Settings {
  const named = (['BROKER_LIST', 'ZOOKEEPER_HOSTS'] as const).filter((n) => given[n] !== undefined);
  const storage = given.STORAGE ?? (named.length > 0 ? 'distributed' : 'standalone');
  const outside = named.filter((name) => given[name] !== 'none');
  if (storage !== 'distributed' && outside.length > 0) {
    problems.push(
      `STORAGE: got "${storage}" together with ${outside.join(' and ')}, expected distributed, or neither of them`,
    );
  }
  const apiPort = given.API_PORT ?? DEFAULTS.API_PORT;
  const avroPort = given.AVRO_PORT ?? (apiPort === 0 ? 0 : apiPort + 1);
  if (avroPort > 65_535) {
    problems.push(`AVRO_PORT: got nothing, expected a port, since API_PORT + 1 is ${avroPort}`);
  } else if (avroPort === apiPort && apiPort !== 0) {
    problems.push(`AVRO_PORT: got ${avroPort}, expected another port than API_PORT`);
  }
  const codec = given.CODEC ?? DEFAULTS.CODEC;
  if (codec === 'avro' && (given.KAFKA_PARTITIONS ?? 1) !== 1) {
    problems.push(`KAFKA_PARTITIONS: got ${given.KAFKA_PARTITIONS}, expected 1 with CODEC=avro`);
  }
  const protocol = given.KAFKA_SECURITY_PROTOCOL ?? DEFAULTS.KAFKA_SECURITY_PROTOCOL;
  if (protocol.startsWith('sasl_')) {
    for (const name of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const) {
      if (given[name] !== undefined || problems.some((each) => each.startsWith(name))) continue;
      problems.push(
        `${name}: got nothing, expected a text with KAFKA_SECURITY_PROTOCOL=${protocol}`,
      );
    }
  }
  const distributed = storage === 'distributed';
  const unset = Object.fromEntries(SETTING_NAMES.map((name) => [name, undefined])) as {
    [Name in SettingName]: undefined;
  };
  return {
    ...unset,
    ...DEFAULTS,
    ...given,
    STORAGE: storage,
    AVRO_PORT: avroPort,
    BIND_ADDRESS: given.BIND_ADDRESS ?? (distributed ? '0.0.0.0' : '127.0.0.1'),
    KAFKA_PARTITIONS: given.KAFKA_PARTITIONS ?? (codec === 'avro' ? 1 : 12),
    acceptNewLog,
    storageReason:
      given.STORAGE !== undefined
        ? 'STORAGE says so'
        : named.length > 0
          ? `${named.join(' and ')} given`
          : 'neither BROKER_LIST nor ZOOKEEPER_HOSTS given',
  };
}

interface Flags {
  readonly texts: ReadonlyMap<SettingName, string>;
  readonly acceptNewLog: boolean;
}

function readFlags(args: readonly string[], problems: string[]): Flags {
  const names = new Map(SETTING_NAMES.map((name) => [flagOf(name), name]));
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries([...names.keys()].map((flag) => [flag, { type: 'string' }])),
  });
  const texts = new Map<SettingName, string>();
  let acceptNewLog = false;
  for (const token of tokens) {
    if (token.kind === 'positional') {
      problems.push(`${JSON.stringify(token.value)}: expected a flag`);
    }
    if (token.kind !== 'option') continue;
    const name = names.get(token.name);
    if (token.name === ACCEPT_NEW_LOG_FLAG) {
      if (token.value === undefined) acceptNewLog = true;
      else problems.push(`--${ACCEPT_NEW_LOG_FLAG}: got a value, expected none`);
    } else if (name === undefined) {
      const near = nearest(token.name, [...names.keys(), ACCEPT_NEW_LOG_FLAG]);
      problems.push(
        `${token.rawName}: unknown flag${near === undefined ? '' : `, did you mean --${near}?`}`,
      );
    } else if (token.value === undefined) {
      problems.push(`${name} (${token.rawName}): got nothing, expected a value`);
    } else {
      texts.set(name, token.value);
    }
  }
  return { texts, acceptNewLog };
}

/** Variables that every npm run sets; one of them is two letters away from a setting. */
const FOREIGN_VARIABLES: ReadonlySet<string> = new Set(['NODE']);

function complainOfNearMisses(environment: Environment, problems: string[]): void {
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined || text === '' || FOREIGN_VARIABLES.has(variable)) continue;
    if (SETTING_NAMES.some((name) => name === variable)) continue;
    const near = nearest(variable, SETTING_NAMES);
    if (near !== undefined) {
      problems.push(`${variable}: unknown variable, did you mean ${near}?`);
    }
  }
}

const NEAR_LETTERS = 2;

function nearest(word: string, known: readonly string[]): string | undefined {
  return known.find((each) => editDistance(word, each) <= NEAR_LETTERS);
}

/** Levenshtein's distance: letters added, removed or changed. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > NEAR_LETTERS) return NEAR_LETTERS + 1;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const CACHE = new URL('../../node_modules/.cache/bitacora-services/', import.meta.url).pathname;
const DOWNLOAD_MS_MAX = 10 * 60_000;
const LOOK_AGAIN_MS = 200;
/** A lock without a readable owner is one whose maker died within the moment of making it. */
const NAMELESS_LOCK_MS_MAX = 5_000;

/** A program as its Maven coordinates, `group:artifact:version`. */
export interface JarSet {
  readonly name: string;
  readonly dependencies: readonly string[];
}

export const KAFKA_JARS: JarSet = {
  name: 'kafka-4.3.1',
  dependencies: [
    'org.apache.kafka:kafka_2.13:4.3.1',
    'org.apache.logging.log4j:log4j-slf4j-impl:2.24.3',
    'org.apache.logging.log4j:log4j-core:2.24.3',
  ],
};

export const ZOOKEEPER_JARS: JarSet = {
  name: 'zookeeper-3.9.5',
  dependencies: [
    'org.apache.zookeeper:zookeeper:3.9.5',
    'io.dropwizard.metrics:metrics-core:4.1.12.1',
    'org.xerial.snappy:snappy-java:1.1.10.5',
    'org.apache.logging.log4j:log4j-slf4j2-impl:2.24.3',
    'org.apache.logging.log4j:log4j-core:2.24.3',
  ],
};

/**
 * The folder with the jars of a program, fetched by Maven once for all runs. Processes that ask at
 * the same time wait for the one that fetches. Rejects with the remedy where Java or Maven is missing.
 */
export async function jarFolder(set: JarSet): Promise<string> {
  const pom = pomOf(set);
  const hash = createHash('sha256').update(pom).digest('hex').slice(0, 12);
  const folder = join(CACHE, `${set.name}-${hash}`);
  await needTool('java', ['-version']);
  if (await exists(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  const unlock = await lock(`${folder}.lock`, () => exists(folder));
  try {
    if (!(await exists(folder))) await fetchJars(pom, folder);
  } finally {
    await unlock();
  }
  return folder;
}

async function fetchJars(pom: string, folder: string): Promise<void> {
  await needTool('mvn', ['-v']);
  const making = `${folder}.${process.pid}.tmp`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  const pomPath = join(making, 'pom.xml');
  await writeFile(pomPath, pom);
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
  try {
    await run(
      'mvn',
      ['-q', '-B', '-f', pomPath, goal, '-DincludeScope=runtime', `-DoutputDirectory=${making}`],
      { timeout: DOWNLOAD_MS_MAX, maxBuffer: 16 * 1024 * 1024 },
    );
    await rename(making, folder);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    const said = (error as { stdout?: string }).stdout ?? '';
    throw new Error(`Maven could not fetch the jars for ${folder}:\n${said.slice(-2_000)}`, {
      cause: error,
    });
  }
}

function pomOf(set: JarSet): string {
  const dependencies = set.dependencies.map((coordinates) => {
    const [group, artifact, version] = coordinates.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project><modelVersion>4.0.0</modelVersion>
<groupId>bitacora.test</groupId><artifactId>services</artifactId><version>1</version>
<dependencies>
${dependencies.join('\n')}
</dependencies></project>
`;
}

async function needTool(tool: string, probe: readonly string[]): Promise<void> {
  try {
    await run(tool, [...probe], { timeout: 30_000 });
  } catch (error) {
    throw new Error(
      `The tests need a real Kafka and ZooKeeper, and \`${tool}\` does not run here. Either install ` +
        'Java 17 or later and Maven (Debian: apt-get install default-jre-headless maven), or name ' +
        'running services in TEST_BROKER_LIST and TEST_ZOOKEEPER_HOSTS.',
      { cause: error },
    );
  }
}

/** Takes the lock file, or gives up waiting as soon as `needless` holds. Resolves to the release. */
async function lock(path: string, needless: () => Promise<boolean>): Promise<() => Promise<void>> {
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      return () => unlink(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await needless()) return async () => {};
    if (await isAbandoned(path)) await rm(path, { force: true });
    else await pause(LOOK_AGAIN_MS);
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const [owner, { mtimeMs }] = [Number(await readFile(path, 'utf8')), await stat(path)];
    if (owner === 0) return Date.now() - mtimeMs > NAMELESS_LOCK_MS_MAX;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

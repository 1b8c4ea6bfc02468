import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const CONFIGURATION = `<Configuration status="ERROR" shutdownHook="disable">
<Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
<Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
`;

/** Lets a JVM with log4j 2 write to its standard output, which ends in the service's log file. */
export async function loggingOptions(folder: string): Promise<string[]> {
  const path = join(folder, 'log4j2.xml');
  await writeFile(path, CONFIGURATION);
  return [`-Dlog4j2.configurationFile=${path}`, '-Dlog4j2.disableJmx=true'];
}

import { EXIT, ExitError, messageOf } from './errors.ts';
import { createLogger, type Logger } from './logger.ts';
import { Node } from './node.ts';
import { pemProblems } from './settings/pem-problems.ts';
import { BadSettingsError, parseSettings, type Settings } from './settings/settings.ts';

/** After a signal the process is gone within so long, whatever hangs. */
const STOP_DEADLINE_MS = 9_800;

/** `bitacora serve`: settings → node → a signal or a fault → stopped → exit code. */
export async function serve(args: readonly string[]): Promise<void> {
  const pretty = process.stderr.isTTY === true;
  let settings: Settings;
  try {
    settings = parseSettings(process.env, args, pemProblems);
  } catch (error) {
    const logger = createLogger('info', pretty);
    if (!(error instanceof BadSettingsError)) throw error;
    for (const problem of error.problems) logger.fatal(`bad setting ${problem}`);
    return exit(EXIT.refused);
  }
  const logger = createLogger(settings.LOG_LEVEL, pretty);
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'a fault that nobody handled');
    exit(EXIT.failure);
  });
  process.stdout.on('error', () => {});

  const node = new Node(settings, logger);
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    // It also keeps the process alive until all is closed: the clock's own timers do not.
    setTimeout(() => {
      logger.fatal('the stop took too long');
      // An exit waits for the threads of native calls, one of which may be what hangs.
      process.kill(process.pid, 'SIGKILL');
    }, STOP_DEADLINE_MS);
    node.stop().then(
      () => {
        logger.info('stopped');
        exit(EXIT.ok);
      },
      (error) => fail(logger, error),
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));

  try {
    await node.run((line) => process.stdout.write(`${line}\n`));
  } catch (error) {
    if (!stopping) {
      logger.fatal({ err: error }, messageOf(error));
      stopping = true;
      await node.stop().catch((each) => logger.error({ err: each }, 'the stop failed'));
      exit(error instanceof ExitError ? error.exitCode : EXIT.failure);
    }
  }
}

function fail(logger: Logger, error: unknown): void {
  logger.fatal({ err: error }, messageOf(error));
  exit(EXIT.failure);
}

/** Native clients may hold the event loop: the end is said, not waited for. */
function exit(code: number): void {
  process.exit(code);
}

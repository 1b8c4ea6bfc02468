import type { Logger } from '../../src/logger.ts';

type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';
const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error', 'fatal'] satisfies Level[];

export const silentLogger: Logger = new Proxy({} as Logger, {
  get: (_, name) => (name === 'child' ? () => silentLogger : () => {}),
});

/** The same logger, with an ear on every line. */
export function watching(
  logger: Logger,
  ear: (level: string, fields: Readonly<Record<string, unknown>>, message: string) => void,
): Logger {
  return new Proxy(logger, {
    get: (target, name) => {
      if (typeof name !== 'string' || !LEVELS.includes(name)) return Reflect.get(target, name);
      return (...line: [Record<string, unknown>, string?] | [string]) => {
        const [first, message = ''] = line;
        if (typeof first === 'string') ear(name, {}, first);
        else ear(name, first, message);
        target[name as Level]({}, message);
      };
    },
  });
}

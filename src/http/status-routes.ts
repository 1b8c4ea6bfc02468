import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { ServiceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { JSON_TYPE } from './answers.ts';
import { errorAnswer, unexpectedError } from './error-answers.ts';

export interface StatusRoutesOptions {
  /** The document of `GET /status`. */
  readonly status: () => Promise<unknown> | unknown;
  readonly logger: Logger;
}

/** All that is not on the hot path. The headers of every answer are set before it is called. */
export function statusRoutes({ status, logger }: StatusRoutesOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');

  app.get('/status', async (_request: Request, response: Response) => {
    send(response, 200, JSON.stringify(await status()));
  });
  app.all('/status', (request: Request) => {
    throw new ServiceError(
      'not_implemented',
      `The method ${request.method} is not implemented here`,
    );
  });
  app.use(() => {
    throw new ServiceError('not_found', 'There is nothing at this path');
  });
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    let told = error;
    if (!(told instanceof ServiceError)) {
      logger.error({ method: request.method, err: error }, 'request failed');
      told = unexpectedError(error);
    }
    const { status, headers, body } = errorAnswer(told as ServiceError, undefined);
    for (let at = 0; at + 1 < headers.length; at += 2) {
      if (!response.headersSent) response.setHeader(headers[at] ?? '', headers[at + 1] ?? '');
    }
    send(response, status, body);
  });
  return app;
}

/** Nothing where the door has answered meanwhile, for it closes. */
function send(response: Response, status: number, body: string): void {
  if (response.headersSent) return;
  response.statusCode = status;
  response.setHeader('Content-Type', JSON_TYPE);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(body);
}

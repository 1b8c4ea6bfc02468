import { ExitError, LogUnavailableError } from '../../errors.ts';

/** Errors of the admin client, of Kafka's protocol and of Node's TLS, as far as they are looked at. */
interface KnownError extends Error {
  readonly code?: unknown;
  readonly apiId?: unknown;
  readonly apiCode?: unknown;
  readonly serverErrorMessage?: unknown;
  readonly errors?: unknown;
  readonly response?: unknown;
}

export const API_CODE = {
  topicExists: 36,
  invalidReplication: 38,
} as const;

const REFUSED_LOGIN: ReadonlySet<unknown> = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
]);
const NOT_AUTHORIZED: ReadonlySet<unknown> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
]);
const NEVER_CREATED: ReadonlySet<unknown> = new Set([
  'POLICY_VIOLATION',
  'INVALID_CONFIG',
  'INVALID_PARTITIONS',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_TOPIC',
]);
/** Certificates that one side refuses, keys that cannot be read. */
const TLS_REFUSAL =
  /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_OSSL|ALERT_(CERTIFICATE|BAD|UNKNOWN|UNSUPPORTED|ACCESS|HANDSHAKE)/;
const DEPTH_MAX = 8;

/** An error with everything that it was made of, outermost first. */
export function causesOf(error: unknown, depth = 0): readonly KnownError[] {
  if (!(error instanceof Error) || depth > DEPTH_MAX) return [];
  const { cause, errors } = error as KnownError;
  const inner = [cause, ...(Array.isArray(errors) ? errors : [])];
  return [error, ...inner.flatMap((each) => causesOf(each, depth + 1))];
}

export function hasApiCode(error: unknown, code: number): boolean {
  return causesOf(error).some(({ apiCode }) => apiCode === code);
}

/** Whether it was refused for want of a permission. */
export function isNotAuthorized(error: unknown): boolean {
  return causesOf(error).some(({ apiId }) => NOT_AUTHORIZED.has(apiId));
}

/**
 * What a failed question to Kafka means for the node. `seen`: errors of connections meanwhile,
 * which the client does not always pass on.
 */
export function meaningOf(
  error: unknown,
  brokers: string,
  seen: readonly unknown[],
): ExitError | LogUnavailableError {
  if (error instanceof ExitError || error instanceof LogUnavailableError) return error;
  const all = [error, ...seen].flatMap((each) => causesOf(each));
  const refused = all.find(({ apiId }) => REFUSED_LOGIN.has(apiId));
  if (refused !== undefined) {
    return new ExitError(1, `Kafka refuses the credentials: ${reasonOf(refused)}`, error);
  }
  const tls = all.find(({ code }) => typeof code === 'string' && TLS_REFUSAL.test(code));
  if (tls !== undefined) {
    return new ExitError(1, `TLS with Kafka fails: ${reasonOf(tls)} (${tls.code})`, error);
  }
  const denied = all.find(({ apiId }) => NOT_AUTHORIZED.has(apiId));
  if (denied !== undefined) {
    return new ExitError(1, `Kafka does not permit it: ${reasonOf(denied)}`, error);
  }
  const never = all.find(({ apiId }) => NEVER_CREATED.has(apiId));
  if (never !== undefined) {
    return new ExitError(1, `Kafka does not create the topic: ${reasonOf(never)}`, error);
  }
  const innermost = causesOf(error).at(-1);
  const why = innermost === undefined ? String(error) : reasonOf(innermost);
  return new LogUnavailableError(`Kafka at ${brokers} does not answer: ${why}`, error);
}

function reasonOf({ message, serverErrorMessage }: KnownError): string {
  const said =
    typeof serverErrorMessage === 'string' && serverErrorMessage !== ''
      ? serverErrorMessage
      : message;
  return said.trim();
}

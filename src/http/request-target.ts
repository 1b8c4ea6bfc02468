export interface RequestTarget {
  /** As sent, not decoded. */
  readonly path: string;
  /** What stands after the first `?`, as sent; '' where there is none. */
  readonly query: string;
}

/** Path and query of a request line's target, in origin form or absolute form. */
export function parseTarget(url: string): RequestTarget {
  const target = url.startsWith('/') ? url : withoutAuthority(url);
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: '' };
  return { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

const AUTHORITY = /^https?:\/\/[^/?]*/i;

function withoutAuthority(url: string): string {
  const match = AUTHORITY.exec(url);
  if (match === null) return url;
  const rest = url.slice(match[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

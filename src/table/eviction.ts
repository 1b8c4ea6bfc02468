import { slide } from './compaction.ts';
import type { HashIndex } from './hash-index.ts';
import type { Segment } from './segment.ts';
import type { SegmentLog } from './segment-log.ts';

/**
 * Pushes out what a segment holds, besides entries that were read since they were written: up to
 * `keptBytesMax` of these slide to its front and must be read again to stay another time.
 * Returns how many live entries were pushed out.
 */
export function evict(
  log: SegmentLog,
  index: HashIndex,
  { segment, keptBytesMax }: { readonly segment: Segment; readonly keptBytesMax: number },
): number {
  let kept = 0;
  let evicted = 0;
  for (let at = 0; at < segment.used; ) {
    const size = segment.size(at);
    if (segment.isDead(at)) log.passed(segment, size);
    else if (segment.isRead(at) && kept + size <= keptBytesMax) {
      segment.setRead(at, false);
      if (at > kept) slide(log, index, { segment, from: at, to: kept, size });
      kept += size;
    } else {
      index.at(segment.hash(at), log.locationOf(segment, at));
      index.remove();
      evicted++;
    }
    at += size;
  }
  segment.used = kept;
  return evicted;
}

import { SegmentEntryCache } from '../../../src/table/segment-entry-cache.ts';
import { describeEntryCache } from '../../contract/entry-cache.ts';

describeEntryCache('segments', (bytesMax) => new SegmentEntryCache({ bytesMax, seed: 7 }));
describeEntryCache(
  'segments, all keys of the same hash',
  (bytesMax) => new SegmentEntryCache({ bytesMax, seed: 7, hash: () => -1 }),
);

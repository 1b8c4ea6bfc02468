import { keyedHash } from '../../../src/table/key-hash.ts';
import { SegmentEntryCache } from '../../../src/table/segment-entry-cache.ts';
import { describeEntryCache } from '../../contract/entry-cache.ts';

describeEntryCache(
  'segments',
  (bytesMax) => new SegmentEntryCache({ bytesMax, hash: keyedHash(7, 0) }),
);
describeEntryCache(
  'segments, all keys of the same hash',
  (bytesMax) => new SegmentEntryCache({ bytesMax, hash: () => -1 }),
);

import { MapEntryCache } from '../../../src/table/entry-cache.ts';
import { describeEntryCache } from '../../contract/entry-cache.ts';

describeEntryCache('Map', (bytesMax) => new MapEntryCache(bytesMax));

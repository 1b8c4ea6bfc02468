/** Run once after the installation (`prepare`). */
import { bindInstalled } from './storage/rocksdb-symbols.ts';

bindInstalled();

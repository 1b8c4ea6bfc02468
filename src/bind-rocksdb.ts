/** Run once after the installation (`prepare`). */
import { bindInstalled } from './storage/rocks/rocksdb-symbols.ts';

bindInstalled();

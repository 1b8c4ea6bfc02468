import { applyBench } from './apply/apply.ts';
import type { Bench } from './frame/bench.ts';
import { httpGetBench } from './http-get/http-get.ts';
import { httpPutBench } from './http-put/http-put.ts';
import { memoryBench } from './memory/memory.ts';
import { peersBench } from './peers/peers.ts';
import { readyBench } from './ready/ready.ts';
import { rpcGetBench } from './rpc-get/rpc-get.ts';
import { visibilityBench } from './visibility/visibility.ts';

/** All benches, in the order in which they run. */
export const BENCHES: readonly Bench[] = [
  httpGetBench,
  httpPutBench,
  rpcGetBench,
  applyBench,
  readyBench,
  visibilityBench,
  peersBench,
  memoryBench,
];

import type { World } from '../world.ts';
import { ABSENCE_FAULTS } from './absence-faults.ts';
import { diskFull } from './disk-faults.ts';
import type { Fault } from './fault.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { NODE_FAULTS } from './node-faults.ts';
import { SERVICE_FAULTS } from './service-faults.ts';

/** All faults that this machine allows. */
export function allFaults({ noSmallDisk }: Pick<World, 'noSmallDisk'>): Fault[] {
  return [
    ...NODE_FAULTS,
    ...SERVICE_FAULTS,
    ...NETWORK_FAULTS,
    ...ABSENCE_FAULTS,
    ...(noSmallDisk === undefined ? [diskFull] : []),
  ];
}

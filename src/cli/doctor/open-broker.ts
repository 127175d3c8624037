import type { Line } from '../../bus/dial.ts';
import type { Deployment } from '../../sources/deployments.ts';
import type { DoctorContext } from './finding.ts';

/** A broker that answered, and what is to be looked at there. */
export interface OpenBroker {
  readonly deployment: Deployment;
  /** For people: the deployment's name, or the host. */
  readonly label: string;
  readonly line: Line;
  readonly context: DoctorContext;
}

import { readFileSync } from 'node:fs';
import { OPTIONS } from '../../app/options.ts';
import type { Config } from '../../config/option.ts';
import type { DoctorCheck, Finding } from './finding.ts';

/** Sockets of the API, the brokers, the publishers and the files of the store, with room. */
const WANTED_OPEN_FILES = 4_096;
/** Where no option says it: a tenth of a second of datagrams at 100,000 lines a second. */
const USUAL_RECEIVE_BYTES = 8 * 1024 * 1024;

/** Limits of the system that are felt as losses: open files, and buffers of datagram sockets. */
export const kernelCheck: DoctorCheck = {
  name: 'kernel',
  needsConfig: true,
  run: ({ config }) => {
    const limits = readText('/proc/self/limits');
    if (limits === null) return [{ severity: 'info', id: 'kernel', what: 'limits cannot be read here' }];
    return [openFiles(limits), ...(config !== null && takesDatagrams(config) ? datagrams(config) : [])];
  },
};

/** Judges the text of /proc/self/limits. Pure. */
export function openFiles(limits: string): Finding {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? 'unlimited';
  const count = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  if (count >= WANTED_OPEN_FILES) return { severity: 'ok', id: 'open-files', what: `${soft} open files` };
  return {
    severity: 'warning',
    id: 'open-files',
    what: `Only ${soft} files and sockets may be open at a time`,
    why: 'Many clients, brokers and targets together reach it, and then connections fail.',
    fix: `LimitNOFILE=${WANTED_OPEN_FILES} in the unit, or: ulimit -n ${WANTED_OPEN_FILES}`,
  };
}

/** Any part that listens for datagrams: statsd, or the collector's UDP. */
function takesDatagrams(config: Config): boolean {
  const udpAddress = optionValue(config, 'collector', 'udp_address');
  const hasUdp = typeof udpAddress === 'string' && udpAddress !== '';
  return optionValue(config, 'statsd', 'enabled') === true || hasUdp;
}

function optionValue(config: Config, group: string, name: string): unknown {
  const option = OPTIONS.find((one) => one.group === group && one.name === name);
  return option === undefined ? null : config.get(option);
}

function datagrams(config: Config): readonly Finding[] {
  const limit = Number(readText('/proc/sys/net/core/rmem_max') ?? Number.NaN);
  if (!Number.isFinite(limit)) return [];
  const asked = optionValue(config, 'statsd', 'receive_buffer_bytes');
  const wanted = typeof asked === 'number' && asked > 0 ? asked : USUAL_RECEIVE_BYTES;
  return [receiveBuffer(limit, wanted), ...lostDatagrams(readText('/proc/net/snmp') ?? '')];
}

/** Judges net.core.rmem_max by what a socket will ask for, both in bytes. Pure. */
export function receiveBuffer(limit: number, wanted: number): Finding {
  if (limit >= wanted) {
    return { severity: 'ok', id: 'receive-buffer', what: `datagram sockets may buffer ${limit} bytes` };
  }
  return {
    severity: 'warning',
    id: 'receive-buffer',
    what: `net.core.rmem_max lets a datagram socket buffer ${limit} bytes of the ${wanted} it will ask for`,
    why: 'What arrives while the program is busy for some milliseconds is lost in the kernel, without a word.',
    fix: `sysctl -w net.core.rmem_max=${wanted}\necho 'net.core.rmem_max=${wanted}' > /etc/sysctl.d/60-nephoscope.conf`,
  };
}

/** Reads the count of full buffers out of the text of /proc/net/snmp. Pure. */
export function lostDatagrams(snmp: string): readonly Finding[] {
  const [names = '', values = ''] = snmp.split('\n').filter((line) => line.startsWith('Udp:'));
  const index = names.split(' ').indexOf('RcvbufErrors');
  const lost = Number(values.split(' ')[index] ?? 0);
  if (index < 0 || !(lost > 0)) return [];
  return [
    {
      severity: 'info',
      id: 'datagrams-lost',
      what: `${lost} datagrams were lost for full buffers on this machine since it started`,
      why: 'Of all programs together; a number that grows while statsd is busy is ours.',
    },
  ];
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

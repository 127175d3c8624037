import type { RecordedNotification } from './select-golden.ts';

/** Two notifications belong to one story when this says the same of both; undefined belongs to none. */
type StoryKey = (notification: RecordedNotification) => string | undefined;

/** Some notifications of a case. */
export interface GoldenPick {
  /** Event types as shell patterns, each with how many of every type that matches; 1 when not said. */
  readonly take: readonly (string | readonly [pattern: string, count: number])[];
  /** Only notifications of the story that this one belongs to: the first of its event type. */
  readonly about?: { readonly eventType: string; readonly same: StoryKey };
  /** Only notifications that look like this. */
  readonly where?: (notification: RecordedNotification) => boolean;
}

/** A folder of test/golden, `<service>/<case>`, and which recorded notifications lie in it. */
export interface GoldenCase {
  readonly folder: string;
  readonly picks: readonly GoldenPick[];
}

const resource: StoryKey = (notification) => notification.resourceId;
const request: StoryKey = (notification) => notification.requestId;
const hasInitiator = ({ payload }: RecordedNotification): boolean => 'initiator' in payload;
const payloadHas =
  (pattern: RegExp) =>
  (notification: RecordedNotification): boolean =>
    pattern.test(JSON.stringify(notification.payload));

/**
 * What is kept of the recording. The order matters: a notification lies in the first case that takes it, so the
 * narrow picks stand before the wide ones of the same event types.
 */
export const GOLDEN_CASES: readonly GoldenCase[] = [
  // Nova: what happens to servers, in both of its forms
  {
    folder: 'nova/server-create',
    picks: [
      {
        about: { eventType: 'compute.instance.create.end', same: request },
        take: [
          'compute.instance.create.*',
          ['compute.instance.update', 2],
          'instance.create.*',
          'instance.update',
        ],
      },
      { take: [['scheduler.select_destinations.end', 2]] },
    ],
  },
  {
    folder: 'nova/build-fails',
    picks: [
      {
        about: { eventType: 'compute.instance.create.error', same: request },
        take: ['compute.instance.create.error', 'instance.create.error', 'compute_task.build_instances'],
      },
      { take: ['compute_task.build_instances.error'] },
    ],
  },
  {
    folder: 'nova/server-delete',
    picks: [
      {
        about: { eventType: 'compute.instance.delete.end', same: request },
        take: [
          'compute.instance.delete.*',
          'compute.instance.shutdown.end',
          'instance.delete.end',
          'instance.shutdown.end',
        ],
      },
    ],
  },
  {
    folder: 'nova/resize',
    picks: [
      {
        about: { eventType: 'compute.instance.resize.confirm.end', same: resource },
        take: [
          'compute.instance.resize.prep.end',
          'compute.instance.resize.end',
          'compute.instance.finish_resize.end',
          'compute.instance.resize.confirm.end',
          'instance.resize_prep.end',
          'instance.resize_finish.end',
        ],
      },
      { take: ['compute.instance.resize.revert.end'] },
    ],
  },
  {
    folder: 'nova/resize-fails',
    picks: [{ take: ['finish_resize', 'compute_task.migrate_server', 'compute_task.migrate_server.error'] }],
  },
  {
    folder: 'nova/live-migration',
    picks: [
      {
        about: { eventType: 'compute.instance.live.migration.force.complete.end', same: resource },
        take: [
          'compute.instance.live_migration.pre.end',
          'compute.instance.live.migration.force.complete.end',
          'compute.instance.live_migration.post.dest.end',
          'instance.live_migration_pre.end',
          'instance.live_migration_post.end',
          'instance.live_migration_post_dest.end',
        ],
      },
    ],
  },
  {
    folder: 'nova/live-migration-aborted',
    picks: [
      {
        take: ['compute.instance.live.migration.abort.end', 'compute.instance.live_migration._rollback.end'],
      },
    ],
  },
  {
    folder: 'nova/evacuation',
    picks: [
      {
        about: { eventType: 'instance.evacuate', same: request },
        take: [
          'instance.evacuate',
          'compute.instance.update',
          'instance.rebuild_scheduled',
          'instance.rebuild.end',
        ],
      },
    ],
  },
  {
    folder: 'nova/services',
    picks: [
      { take: ['service.update'], where: payloadHas(/"forced_down":true/) },
      { take: ['service.update', 'service.delete'] },
    ],
  },
  {
    folder: 'nova/power',
    picks: [
      {
        take: [
          'compute.instance.power_off.end',
          'instance.power_on.end',
          'compute.instance.reboot.start',
          'instance.reboot.end',
        ],
      },
    ],
  },
  {
    folder: 'nova/pause-and-suspend',
    picks: [
      {
        take: [
          'compute.instance.pause.end',
          'instance.unpause.end',
          'compute.instance.suspend.end',
          'instance.resume.end',
        ],
      },
    ],
  },
  {
    folder: 'nova/shelve',
    picks: [
      {
        take: ['compute.instance.shelve.end', 'instance.shelve_offload.end', 'compute.instance.unshelve.end'],
      },
    ],
  },
  {
    folder: 'nova/soft-delete-and-restore',
    picks: [
      {
        about: { eventType: 'instance.restore.end', same: resource },
        take: ['compute.instance.soft_delete.end', 'instance.soft_delete.end', 'instance.restore.end'],
      },
    ],
  },
  {
    folder: 'nova/rescue-lock-dump-snapshot',
    picks: [
      {
        take: [
          'compute.instance.rescue.end',
          'instance.unrescue.end',
          'instance.lock',
          'instance.unlock',
          'compute.instance.trigger_crash_dump.end',
          'instance.snapshot.end',
        ],
      },
    ],
  },
  { folder: 'nova/usage-audit', picks: [{ take: [['compute.instance.exists', 2], 'instance.exists'] }] },
  {
    folder: 'nova/periodic-task',
    picks: [
      {
        take: ['compute.instance.update', 'instance.update'],
        where: ({ context }) => context['project_id'] === null,
      },
    ],
  },
  { folder: 'nova/node-metrics', picks: [{ take: ['compute.metrics.update', 'metrics.update'] }] },
  {
    folder: 'nova/volumes-of-servers',
    picks: [
      {
        take: [
          'compute.instance.volume.*',
          'instance.volume_swap.end',
          'instance.volume_detach.end',
          ['volume.usage', 2],
        ],
      },
    ],
  },
  {
    folder: 'nova/failed-calls',
    picks: [
      {
        take: [
          'attach_volume',
          'attach_interface',
          'detach_interface',
          'import_key_pair',
          'compute.exception',
          'compute.libvirt.error',
          'libvirt.connect.error',
        ],
      },
    ],
  },
  {
    folder: 'nova/hosts-and-aggregates',
    picks: [
      {
        take: [
          ['aggregate.create.end', 2],
          'aggregate.removehost.end',
          'aggregate.remove_host.end',
          'aggregate.cache_images.progress',
          'HostAPI.power_action.end',
          'HostAPI.set_maintenance.start',
        ],
      },
    ],
  },
  {
    folder: 'nova/what-servers-are-made-of',
    picks: [
      {
        take: [
          ['keypair.create.end', 2],
          'keypair.delete.start',
          'flavor.update',
          'server_group.*',
          'servergroup.delete',
        ],
      },
    ],
  },

  // Cinder
  {
    folder: 'cinder/volume-life',
    picks: [
      {
        about: { eventType: 'volume.resize.end', same: resource },
        take: ['volume.create.*', 'volume.delete.*'],
      },
      { take: ['volume.create.end'], where: payloadHas(/glance_metadata":\[\{/) },
      { take: ['scheduler.create_volume'] },
    ],
  },
  {
    folder: 'cinder/volume-attach',
    picks: [
      {
        about: { eventType: 'volume.attach.end', same: resource },
        take: ['volume.attach.*', 'volume.detach.*'],
      },
    ],
  },
  {
    folder: 'cinder/volume-changes',
    picks: [
      {
        take: [
          'volume.resize.end',
          'volume.retype',
          'volume.update.end',
          'volume.manage_existing.*',
          'volume.transfer.*.end',
        ],
      },
    ],
  },
  {
    folder: 'cinder/snapshots',
    picks: [{ take: ['snapshot.create.end', 'snapshot.update.end', 'snapshot.delete.start'] }],
  },
  {
    folder: 'cinder/backups',
    picks: [{ take: ['backup.createprogress', 'backup.reset_status.end', 'backup.delete.end'] }],
  },
  {
    folder: 'cinder/groups',
    picks: [
      {
        take: [
          'group.create.end',
          'group_snapshot.create.end',
          'group_snapshot.delete.start',
          'group_type.create',
        ],
      },
    ],
  },
  {
    folder: 'cinder/types',
    picks: [{ take: ['volume_type.create', 'volume_type_extra_specs.update', 'qos_specs.associate'] }],
  },
  {
    folder: 'cinder/usage-audit',
    picks: [
      { take: [['volume.exists', 2], 'snapshot.exists', 'backup.exists'] },
      { take: ['volume.create.end'], where: payloadHas(/audit_period_beginning/) },
    ],
  },

  // Glance
  {
    folder: 'glance/old-envelope',
    picks: [
      {
        take: ['image.update', 'image.send', 'metadef_tag.delete'],
        where: ({ envelope }) => envelope === 'old',
      },
    ],
  },
  {
    folder: 'glance/server-snapshot',
    picks: [
      {
        take: ['image.create', 'image.upload', 'image.update'],
        where: payloadHas(/"image_type":"snapshot"/),
      },
    ],
  },
  {
    folder: 'glance/image-life',
    picks: [
      { take: ['image.create', 'image.upload', 'image.send'] },
      { take: ['image.delete'], where: payloadHas(/"size":\d/) },
    ],
  },
  { folder: 'glance/members', picks: [{ take: ['image.member.*'] }] },
  { folder: 'glance/tasks', picks: [{ take: ['task.create', 'task.success'] }] },
  {
    folder: 'glance/metadata-definitions',
    picks: [
      {
        take: [
          'metadef_namespace.create',
          'metadef_object.update',
          'metadef_property.create',
          'metadef_resource_type.delete',
        ],
      },
    ],
  },

  // Neutron
  {
    folder: 'neutron/network',
    picks: [
      {
        about: { eventType: 'network.delete.end', same: resource },
        take: ['network.delete.*'],
      },
      { take: ['network.create.*', 'network.update.start'] },
    ],
  },
  {
    folder: 'neutron/subnet',
    picks: [{ take: ['subnet.create.end', 'subnet.update.start', 'subnet.update.end'] }],
  },
  {
    folder: 'neutron/port',
    picks: [
      {
        about: { eventType: 'port.delete.end', same: resource },
        take: ['port.create.end', 'port.update.*', 'port.delete.*'],
      },
      { take: ['port.create.start'], where: payloadHas(/"ports":\[/) },
    ],
  },
  {
    folder: 'neutron/router',
    picks: [{ take: ['router.create.start', 'router.create.end', 'router.interface.*'] }],
  },
  {
    folder: 'neutron/floating-ip',
    picks: [
      {
        about: { eventType: 'floatingip.delete.end', same: resource },
        take: ['floatingip.create.end', 'floatingip.update.end', 'floatingip.delete.*'],
      },
      { take: ['port_forwarding.create.end', 'port_forwarding.delete.start'] },
    ],
  },
  {
    folder: 'neutron/security-groups',
    picks: [
      {
        take: [
          'security_group.create.end',
          'security_group.delete.*',
          'security_group_rule.create.end',
          'security_group_rule.delete.start',
        ],
      },
    ],
  },
  {
    folder: 'neutron/quality-of-service',
    picks: [
      {
        take: [
          'policy.create.end',
          'policy.delete.start',
          'bandwidth_limit_rule.delete.start',
          'dscp_marking_rule.create.end',
        ],
      },
    ],
  },
  {
    folder: 'neutron/metering',
    picks: [
      { take: ['l3.meter'], where: payloadHas(/"bytes":[1-9]/) },
      { take: ['l3.meter', 'metering_label_rule.create.end', 'metering_label*.delete.start'] },
    ],
  },
  {
    folder: 'neutron/other-kinds',
    picks: [
      {
        take: [
          'rbac_policy.create.end',
          'rbac_policy.delete.start',
          'address_scope.delete.start',
          'address_group.delete.start',
          'subnetpool.update.end',
          'subnetpool.delete.start',
          'trunk.create.end',
          'segment.update.end',
        ],
      },
    ],
  },
  {
    folder: 'neutron/usage-audit',
    picks: [
      { take: ['port.exists'], where: payloadHas(/"tenant_id":""/) },
      { take: ['network.exists', 'subnet.exists', 'port.exists', 'router.exists'] },
    ],
  },

  // Keystone: a process that sends the basic format beside one that sends CADF; logins are CADF in both
  {
    folder: 'keystone/authenticate',
    picks: [
      { take: ['identity.authenticate'], where: payloadHas(/"outcome":"failure".*"username"/) },
      { take: ['identity.authenticate'], where: payloadHas(/no-such-user/) },
      { take: ['identity.authenticate'], where: payloadHas(/"initiator":.*"project_id":"[^"]/) },
      { take: [['identity.authenticate', 2]] },
    ],
  },
  {
    folder: 'keystone/role-assignments',
    picks: [
      { take: ['identity.role_assignment.*'], where: payloadHas(/"group":/) },
      { take: ['identity.role_assignment.created'], where: payloadHas(/"domain":/) },
      { take: ['identity.role_assignment.*'] },
    ],
  },
  {
    folder: 'keystone/changes-cadf',
    picks: [
      {
        take: [
          'identity.domain.deleted',
          'identity.project.created',
          'identity.user.updated',
          'identity.region.deleted',
        ],
        where: hasInitiator,
      },
    ],
  },
  {
    folder: 'keystone/changes-basic',
    picks: [
      {
        take: [
          'identity.domain.created',
          'identity.project.deleted',
          'identity.user.created',
          'identity.role.updated',
        ],
        where: (notification) => !hasInitiator(notification),
      },
    ],
  },
  {
    folder: 'keystone/delegation',
    picks: [
      { take: ['identity.OS-TRUST:trust.created', 'identity.application_credential.created'] },
      {
        take: ['identity.OS-OAUTH1:consumer.updated', 'identity.application_credential.deleted'],
        where: hasInitiator,
      },
    ],
  },

  // Heat, Swift, Ironic, Aodh, Designate
  {
    folder: 'heat/stack-life',
    picks: [
      {
        about: { eventType: 'orchestration.stack.check.end', same: resource },
        take: ['orchestration.stack.*.end'],
      },
      { take: ['orchestration.stack.snapshot.start', 'orchestration.stack.update.end'] },
    ],
  },
  {
    folder: 'heat/stack-rolls-back',
    picks: [
      {
        about: { eventType: 'orchestration.stack.create.error', same: resource },
        take: ['orchestration.stack.create.*', 'orchestration.stack.rollback.*'],
      },
    ],
  },
  {
    folder: 'swift/requests',
    picks: [
      { take: ['objectstore.http.request'], where: payloadHas(/incoming\.bytes/) },
      { take: ['objectstore.http.request'], where: payloadHas(/outgoing\.bytes/) },
      { take: ['objectstore.http.request'], where: payloadHas(/"action":"delete"/) },
      { take: ['objectstore.http.request'] },
    ],
  },
  {
    folder: 'ironic/node-life',
    picks: [
      {
        about: { eventType: 'baremetal.node.delete.end', same: resource },
        take: ['baremetal.node.create.end', 'baremetal.node.update.end', 'baremetal.node.delete.start'],
      },
      { take: ['baremetal.port.*'] },
    ],
  },
  {
    folder: 'ironic/provisioning',
    picks: [{ take: ['baremetal.node.provision_set.*', 'baremetal.node.maintenance_set.start'] }],
  },
  { folder: 'ironic/sensors', picks: [{ take: [['hardware.ipmi.metrics', 2]] }] },
  { folder: 'aodh/alarms', picks: [{ take: ['alarm.*'] }] },
  { folder: 'designate/zones', picks: [{ take: ['dns.domain.*', 'dns.zone.exists', 'dns.pool.update'] }] },
];

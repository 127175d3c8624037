/** Which polling process a pollster belongs to; the option polling_namespaces names those that run here. */
export const POLLING_NAMESPACES = ['compute', 'central', 'ipmi', 'host'] as const;
export type PollingNamespace = (typeof POLLING_NAMESPACES)[number];

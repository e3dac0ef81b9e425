/** What `import … from 'viewstamp/testing'` gives: a cluster in your test's process, and its faults. */
export { ViewstampError } from '../base/errors.ts'
export { assertDeterministic } from '../machine/deterministic.ts'
export { Cluster, type ClusterOptions, startCluster } from './cluster.ts'

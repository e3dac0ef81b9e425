/** What `import … from 'viewstamp/testing'` gives: a cluster in your test's process, and its faults. */
export { ViewstampError } from '../base/errors.ts'
export type { Interval, Model } from '../check/model.ts'
export { type Asked, bank, counter, list, register } from '../check/models.ts'
export { isLinearizable } from '../check/search.ts'
export { assertDeterministic } from '../machine/deterministic.ts'
export { Cluster, type ClusterOptions, startCluster } from './cluster.ts'

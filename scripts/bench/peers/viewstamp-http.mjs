/** The path `viewstamp-http` of the peers' harness: one call per request, or a batch. */
export { Cluster, connect } from './viewstamp.mjs'

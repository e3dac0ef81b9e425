/** What `import … from 'viewstamp'` gives: a node inside your process. */
export { type ErrorName, type Outcome, ViewstampError } from './base/errors.ts'
export type { Json, JsonObject } from './base/json.ts'
export type { Settings } from './daemon/config.ts'
export { ConfigError } from './daemon/config-source.ts'
export { type CreateOptions, createNode, type EmbeddedNode } from './daemon/embedded.ts'
export type { CommitEvent, Header, KeyRange, KeyWatch, Meta, NodeApi } from './node/api.ts'

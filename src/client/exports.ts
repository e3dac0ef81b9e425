/** What users of the client name, whatever carries it. */
export type { Json, JsonObject } from '../base/json.ts'
export type { CallOptions } from './caller.ts'
export type { ClusterEvent } from './cluster.ts'
export type { Client, ClientOptions } from './connect.ts'
export { ViewstampError } from './error.ts'
export type { FeedFrom, FeedReadOptions, FeedSubscribeOptions, RecordMembers } from './feed.ts'
export type { ConsumeOptions, Delivery, Followed } from './group.ts'
export type { Expect, RangeOptions, Span, Transaction, WatchOptions } from './kv.ts'
export type { LogEntry, LogOptions } from './log.ts'
export type { MethodName, Options, Params, Result } from './method-call.ts'
export type {
  Change,
  FeedRecord,
  Header,
  KeyValue,
  Meta,
  Methods,
  Version,
} from './methods/index.ts'
export type { SubscribeOptions, SubscriptionEvent } from './subscription.ts'
export type { HttpAnswer, HttpRequest, Transport } from './transport.ts'
export type { WatchEvent } from './watch.ts'
export type { SessionOptions } from './write-session.ts'

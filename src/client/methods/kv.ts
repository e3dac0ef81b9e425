// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { Json, JsonObject } from '../../base/json.ts'
import type { Event, Header, KeyValue, Meta, Version } from './components.ts'

export interface KvMethods {
  /** Sets a key. */
  'kv.put': {
    readonly params: {
      /** the key */
      readonly key: string
      /** its value */
      readonly value: Json
      /** only if the key is at this rev (0: is not there), else COMPARE_FAILED */
      readonly ifRev?: number | undefined
      /** only if the key is not there, else COMPARE_FAILED */
      readonly ifAbsent?: boolean | undefined
      /** the key goes after this time */
      readonly ttlMs?: number | undefined
      /** give the value before */
      readonly prev?: boolean | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly rev: number
      readonly prev?: KeyValue | null
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Deletes a key, or all keys of a range. */
  'kv.del': {
    readonly params: {
      /** the key */
      readonly key?: string | undefined
      /** keys that begin so */
      readonly prefix?: string | undefined
      /** first key */
      readonly start?: string | undefined
      /** end: keys below it */
      readonly end?: string | undefined
      /** only if the key is at this rev (0: is not there), else COMPARE_FAILED */
      readonly ifRev?: number | undefined
      /** give the value before */
      readonly prev?: boolean | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly deleted: number
      readonly rev: number
      readonly prev?: readonly KeyValue[]
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Sets a key (without value: deletes it) if it is as expected; tells whether it was. */
  'kv.cas': {
    readonly params: {
      /** the key */
      readonly key: string
      /** one of {rev}, {value}, {absent: true} */
      readonly expect: {
        /** the rev it is at */
        readonly rev?: number | undefined
        /** the value it has */
        readonly value?: Json | undefined
        /** true: it is not there */
        readonly absent?: boolean | undefined
      }
      /** the value to set; none: delete */
      readonly value?: Json | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly succeeded: boolean
      readonly rev: number
      readonly current?: KeyValue | null
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Adds to a number. A key that is not there starts from init. */
  'kv.incr': {
    readonly params: {
      /** the key */
      readonly key: string
      /** how much (1) */
      readonly by?: number | undefined
      /** the number before the first time (0) */
      readonly init?: number | undefined
      /** not below, else OUT_OF_RANGE */
      readonly min?: number | undefined
      /** not above, else OUT_OF_RANGE */
      readonly max?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly value: number
      readonly rev: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Runs a small program over keys, all of it or nothing: `x+=2; y*=4; x=x+y`. */
  'kv.apply': {
    readonly params: {
      /** statements with = += -= *= /= %= */
      readonly program: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly values: JsonObject
      readonly rev: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Compares, then does all of `then` or all of `else`, at one rev. */
  'kv.txn': {
    readonly params: {
      /** all must hold for `then` */
      readonly compare?:
        | readonly {
            /** the key */
            readonly key: string
            /** what of it */
            readonly target: 'value' | 'rev' | 'version' | 'exists'
            /** how */
            readonly op: '=' | '!=' | '<' | '>' | '<=' | '>='
            /** with what */
            readonly value: Json
          }[]
        | undefined
      /** operations if they hold */
      readonly then?:
        | readonly {
            readonly op?: 'put' | 'del' | 'get' | 'range' | 'incr' | 'publish' | undefined
            /** of publish, with key, value, headers, id and more as feed.publish has them */
            readonly feed?: string | undefined
            /** the key */
            readonly key?: string | undefined
            /** of put */
            readonly value?: Json | undefined
            /** keys that begin so */
            readonly prefix?: string | undefined
            /** first key */
            readonly start?: string | undefined
            /** end: keys below it */
            readonly end?: string | undefined
            /** of put and del */
            readonly ifRev?: number | undefined
            /** of put */
            readonly ifAbsent?: boolean | undefined
            /** of put */
            readonly ttlMs?: number | undefined
            /** of put and del */
            readonly prev?: boolean | undefined
            /** of incr */
            readonly by?: number | undefined
            /** of incr */
            readonly init?: number | undefined
            /** of incr */
            readonly min?: number | undefined
            /** of incr */
            readonly max?: number | undefined
            /** of range */
            readonly limit?: number | undefined
            /** of range */
            readonly reverse?: boolean | undefined
            /** of range */
            readonly keysOnly?: boolean | undefined
            /** of range */
            readonly countOnly?: boolean | undefined
          }[]
        | undefined
      /** operations if one does not */
      readonly else?:
        | readonly {
            readonly op?: 'put' | 'del' | 'get' | 'range' | 'incr' | 'publish' | undefined
            /** of publish, with key, value, headers, id and more as feed.publish has them */
            readonly feed?: string | undefined
            /** the key */
            readonly key?: string | undefined
            /** of put */
            readonly value?: Json | undefined
            /** keys that begin so */
            readonly prefix?: string | undefined
            /** first key */
            readonly start?: string | undefined
            /** end: keys below it */
            readonly end?: string | undefined
            /** of put and del */
            readonly ifRev?: number | undefined
            /** of put */
            readonly ifAbsent?: boolean | undefined
            /** of put */
            readonly ttlMs?: number | undefined
            /** of put and del */
            readonly prev?: boolean | undefined
            /** of incr */
            readonly by?: number | undefined
            /** of incr */
            readonly init?: number | undefined
            /** of incr */
            readonly min?: number | undefined
            /** of incr */
            readonly max?: number | undefined
            /** of range */
            readonly limit?: number | undefined
            /** of range */
            readonly reverse?: boolean | undefined
            /** of range */
            readonly keysOnly?: boolean | undefined
            /** of range */
            readonly countOnly?: boolean | undefined
          }[]
        | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly succeeded: boolean
      readonly results: readonly Json[]
      readonly rev: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Takes over what operations of another cluster changed, as log.read gives it, each at the rev that it had there. Records of feeds get the offset that they had, and time, viewstamp and lamport of this log. One call at a time; meta.session and meta.seq do not count: never repeat it without a look at the rev. COMPARE_FAILED: this cluster is at another rev; if another write came between, it cannot become the same any more. Outcome unknown: some of them may be done. */
  'kv.import': {
    readonly params: {
      /** of the first operation: one more than this cluster has reached */
      readonly rev: number
      /** the changes of each operation; none for a rev that changed nothing */
      readonly operations: readonly (readonly {
        /** kv, unless said; feed: what became of a feed */
        readonly machine?: 'kv' | 'feed' | undefined
        /** the key; of the machine feed as log.read tells it */
        readonly key: string
        /** its value; none: it goes */
        readonly value?: Json | undefined
        /** as log.read tells it; else as after a put */
        readonly createRev?: number | undefined
        /** as log.read tells it; else as after a put */
        readonly version?: number | undefined
        /** as log.read tells it: the time at which it goes */
        readonly expiresMs?: number | undefined
      }[])[]
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly rev: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** One key; `kv` is null when it is not there. */
  'kv.get': {
    readonly params: {
      /** the key */
      readonly key: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly kv: KeyValue | null
      readonly header: Header
    }
  }
  /** Several keys, as of one moment. */
  'kv.getMany': {
    readonly params: {
      /** the keys */
      readonly keys: readonly string[]
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly kvs: readonly KeyValue[]
      readonly missing: readonly string[]
      readonly header: Header
    }
  }
  /** Keys in the order of their bytes; go on with `cursor` while there is `more`. */
  'kv.range': {
    readonly params: {
      /** keys that begin so */
      readonly prefix?: string | undefined
      /** first key */
      readonly start?: string | undefined
      /** end: keys below it */
      readonly end?: string | undefined
      /** at most so many (100) */
      readonly limit?: number | undefined
      /** from the end */
      readonly reverse?: boolean | undefined
      /** without values */
      readonly keysOnly?: boolean | undefined
      /** only how many */
      readonly countOnly?: boolean | undefined
      /** from the answer before */
      readonly cursor?: string | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly kvs: readonly KeyValue[]
      readonly more: boolean
      readonly cursor?: string
      readonly count?: number
      readonly header: Header
    }
  }
  /** The last versions of a key, newest first, from the log as far as it is kept. More: there are older ones; go on with `cursor`, or, without one, they are not kept any longer. */
  'kv.history': {
    readonly params: {
      /** the key */
      readonly key: string
      /** at most so many (20) */
      readonly limit?: number | undefined
      /** from the answer before */
      readonly cursor?: string | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly versions: readonly Version[]
      readonly more: boolean
      readonly cursor?: string
      readonly firstRev: number
      readonly header: Header
    }
  }
  /** Hash of the whole state: the same on every replica that has applied the same op. `machines`: of each machine alone; that of `kv` is the same in a cluster that imported the log, where that of `feed` is not: records have other times there. */
  'kv.hash': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly hash: string
      readonly op: number
      readonly rev: number
      readonly machines: JsonObject
      readonly header: Header
    }
  }
  /** WebSocket only. Every committed change of the keys as sub.event, in order, none left out. */
  'kv.watch': {
    readonly params: {
      /** one key */
      readonly key?: string | undefined
      /** keys that begin so */
      readonly prefix?: string | undefined
      /** first key */
      readonly start?: string | undefined
      /** end: keys below it */
      readonly end?: string | undefined
      /** a rev, "now" (default: the next change), "first" (the oldest kept), or a cursor (of several shards) */
      readonly from?: number | 'now' | 'first' | string | undefined
      /** with the value before each change */
      readonly prev?: boolean | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly subscription: string
      readonly startRev?: number
      readonly cursor?: string
      readonly header: Header
    }
  }
  /** The same events by asking: waits up to waitMs for the first; go on with from = next. */
  'kv.poll': {
    readonly params: {
      /** one key */
      readonly key?: string | undefined
      /** keys that begin so */
      readonly prefix?: string | undefined
      /** first key */
      readonly start?: string | undefined
      /** end: keys below it */
      readonly end?: string | undefined
      /** a rev, "now" (default: the next change), "first" (the oldest kept), or a cursor (of several shards) */
      readonly from?: number | 'now' | 'first' | string | undefined
      /** with the value before each change */
      readonly prev?: boolean | undefined
      /** how long to wait for the first (0) */
      readonly waitMs?: number | undefined
      /** at most so many events (100) */
      readonly limit?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly events: readonly Event[]
      readonly next: number | string
      readonly header: Header
    }
  }
}

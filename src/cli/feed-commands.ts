/** The rows of `feed …` and `group …`, part of commands.ts. */
import type { CommandSpec, OptionSpec } from './command.ts'

const CONSISTENCY: OptionSpec = [
  '--consistency <level>',
  'linearizable (default), session or local',
]
const PARTITION: OptionSpec = ['--partition <n>', 'only this partition']
const FILTER: OptionSpec = [
  '--filter <condition>',
  'as in value.total>10, key=a or headers.type~paid (= != < > <= >= ~); several: all of them',
  'many',
]
const KEEP: readonly OptionSpec[] = [
  ['--keep <duration>', 'records older than this go; none: no bound'],
  ['--keep-bytes <size>', 'of each partition the oldest go when there are more; none: no bound'],
  ['--keep-records <n>', 'of each partition the oldest go when there are more; none: no bound'],
  ['--dedupe <duration>', 'an id is remembered for so long (2m)'],
]
const FROM = 'start, end, last, -10 (the last ten), @TIME (ms, a date, or @-5m), an offset'

export const FEED: readonly CommandSpec[] = [
  {
    usage: 'feed create <feed>',
    summary: 'make a feed; publishing to one that is not there makes it too',
    options: [
      ['--partitions <n>', 'parts, each with an order of its own (1); for good'],
      ['--compact', 'keep only the last record of each key; for good'],
      ...KEEP,
    ],
    examples: ['viewstamp feed create orders --partitions 4 --keep 7d'],
    load: async () => (await import('./commands/feed.ts')).create,
  },
  {
    usage: 'feed ls [prefix]',
    summary: 'the feeds there are',
    options: [CONSISTENCY],
    load: async () => (await import('./commands/feed.ts')).list,
  },
  {
    usage: 'feed info <feed>',
    summary: 'how a feed is set up, and where its partitions begin and end',
    options: [CONSISTENCY],
    load: async () => (await import('./commands/feed.ts')).info,
  },
  {
    usage: 'feed update <feed>',
    summary: 'change how long records are kept',
    options: KEEP,
    load: async () => (await import('./commands/feed.ts')).update,
  },
  {
    usage: 'feed rm <feed>',
    summary: 'delete a feed and all its records',
    load: async () => (await import('./commands/feed.ts')).remove,
  },
  {
    usage: 'feed publish <feed> [value]',
    summary: 'append a record; VALUE - : every line of a pipe is one (JSON, else text)',
    options: [
      ['--key <key>', 'records with one key stay in order'],
      ['--id <id>', 'published once, however often it is sent'],
      ['--header <name=value>', 'goes with the record', 'many'],
      ['--partition <n>', 'where it goes, instead of by key'],
      ['--expect-offset <offset>', 'only if it gets this offset; exit code 4 if not'],
    ],
    examples: [
      `viewstamp feed publish orders '{"id":1}' --key 1`,
      'seq 1000 | viewstamp feed publish numbers -',
    ],
    load: async () => (await import('./commands/feed-publish.ts')).publish,
  },
  {
    usage: 'feed read <feed>',
    summary: 'records that are there',
    options: [
      ['--from <where>', `${FROM} (start)`],
      ['--to <offset>', 'offsets below it'],
      ['--limit <n>', 'at most so many (100; 0: all)'],
      PARTITION,
      FILTER,
      CONSISTENCY,
    ],
    load: async () => (await import('./commands/feed-read.ts')).read,
  },
  {
    usage: 'feed tail <feed>',
    summary: 'records as they are published; FEED may be a pattern: orders.* or orders.>',
    options: [
      ['--from <where>', `${FROM} (-10)`],
      ['--count <n>', 'end after so many'],
      PARTITION,
      FILTER,
    ],
    examples: [`viewstamp feed tail orders --from start --filter 'value.total>100'`],
    load: async () => (await import('./commands/feed-read.ts')).tail,
  },
  {
    usage: 'feed export <feed>',
    summary: 'records as lines of JSON',
    options: [
      ['--from <where>', `${FROM} (start)`],
      ['--to <offset>', 'offsets below it'],
      PARTITION,
      FILTER,
    ],
    load: async () => (await import('./commands/feed-read.ts')).exportRecords,
  },
  {
    usage: 'feed import <feed> [file]',
    summary: 'the same back in, each line published once; FILE or - (a pipe)',
    load: async () => (await import('./commands/feed-publish.ts')).importRecords,
  },
  {
    usage: 'feed truncate <feed>',
    summary: 'remove the oldest records',
    options: [['--before <where>', 'an offset or @TIME: what is before it goes'], PARTITION],
    load: async () => (await import('./commands/feed.ts')).truncate,
  },
]

const MEMBER: OptionSpec = ['--member <name>', 'who asks (user@host)']

export const GROUP: readonly CommandSpec[] = [
  {
    usage: 'group create <feed> <group>',
    summary: 'make a group: a cursor that its readers commit, or with --queue leases of records',
    options: [
      ['--queue', 'each record goes to one member, until it is acknowledged'],
      ['--from <where>', `${FROM} (start)`],
      ['--ack-wait <duration>', 'of a queue: a lease ends after this (30s)'],
      ['--max-deliver <n>', 'of a queue: then the record goes to --dead-letter'],
      ['--dead-letter <feed>', 'made when needed (FEED.GROUP.dead)'],
    ],
    load: async () => (await import('./commands/group.ts')).create,
  },
  {
    usage: 'group ls <feed>',
    summary: 'the groups of a feed, and how far behind they are',
    options: [CONSISTENCY],
    load: async () => (await import('./commands/group.ts')).list,
  },
  {
    usage: 'group info <feed> <group>',
    summary: 'offsets and lag of a group',
    options: [CONSISTENCY],
    load: async () => (await import('./commands/group.ts')).info,
  },
  {
    usage: 'group fetch <feed> <group>',
    summary: 'lease records of a queue',
    options: [
      MEMBER,
      ['--limit <n>', 'at most so many (10)'],
      ['--wait <duration>', 'for the first (0s)'],
      ['--ack', 'acknowledge them once they are printed'],
    ],
    load: async () => (await import('./commands/group.ts')).fetch,
  },
  {
    usage: 'group ack <feed> <group> [deliveries...]',
    summary: 'these are done',
    options: [MEMBER],
    load: async () => (await import('./commands/group.ts')).ack,
  },
  {
    usage: 'group nack <feed> <group> [deliveries...]',
    summary: 'these are not: they are delivered again',
    options: [
      MEMBER,
      ['--delay <duration>', 'not before this (0s)'],
      ['--reason <text>', 'kept with a dead letter'],
    ],
    load: async () => (await import('./commands/group.ts')).nack,
  },
  {
    usage: 'group commit <feed> <group> [offsets...]',
    summary: 'of a cursor: where to go on, as 12 or 0:12 1:7',
    load: async () => (await import('./commands/group.ts')).commit,
  },
  {
    usage: 'group seek <feed> <group>',
    summary: 'move a group',
    options: [['--to <where>', FROM]],
    load: async () => (await import('./commands/group.ts')).seek,
  },
  {
    usage: 'group rm <feed> <group>',
    summary: 'delete a group; the feed stays',
    load: async () => (await import('./commands/group.ts')).remove,
  },
]

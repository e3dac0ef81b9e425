/**
 * Bugs where the simulator does not reach: the files on a real disk, and what a caller is told. `test` is
 * the test file that has to fail.
 */
export const STORAGE = [
  {
    name: 'timeout-reported-as-not-done',
    p: 'P31',
    why: 'a write that was sent and not answered is reported as not done',
    by: [],
    test: 'test/node/fates.test.ts',
    file: 'node/callers.ts',
    find: 'if (waiting.sent === 0) {\n      const message = ',
    replace: 'if (waiting.sent >= 0) {\n      const message = ',
  },
  {
    name: 'write-error-ignored',
    p: 'P38',
    why: 'after a failed write the store goes on',
    by: [],
    test: 'test/storage/poison.test.ts',
    file: 'storage/level-store.ts',
    find: '    this.#failure ??= writeRefusal(this.#parts.dir, error)\n    return this.#failure',
    replace: '    return writeRefusal(this.#parts.dir, error)',
  },
  {
    name: 'writer-goes-on',
    p: 'P38',
    why: 'after a failed write the node writes what comes next',
    by: [],
    test: 'test/node/writer.test.ts',
    file: 'node/writer.ts',
    find: '      this.#failure = { error }\n      this.#queue = []\n',
    replace: '      this.#busy = false\n      this.#queue = []\n',
  },
  {
    name: 'corrupt-tail-taken-for-torn',
    p: 'P39',
    why: 'a damaged entry at the end of the log is taken for one that was never whole',
    by: [],
    test: 'test/storage/damaged-entries.test.ts',
    patches: [
      {
        file: 'storage/log-audit.ts',
        find: '    this.#lack(Math.max(this.#checkpointed, this.#known))\n',
        replace: '    this.#lack(this.#checkpointed)\n',
      },
    ],
  },
  {
    name: 'envelope-checks-its-header',
    p: 'P40',
    why: 'the checksum of a value on disk covers its header only',
    by: [],
    test: 'test/storage/damage.test.ts',
    patches: [
      {
        file: 'storage/envelope.ts',
        find: 'value.writeUInt32LE(crc32(value.subarray(4)), 0)',
        replace: 'value.writeUInt32LE(crc32(value.subarray(4, 9)), 0)',
      },
      {
        file: 'storage/envelope.ts',
        find: 'value.readUInt32LE(0) !== crc32(value.subarray(4))',
        replace: 'value.readUInt32LE(0) !== crc32(value.subarray(4, 9))',
      },
    ],
  },
  {
    name: 'trimmed-before-checkpoint',
    p: 'P33',
    why: 'the store forgets entries that no durable checkpoint covers',
    by: [],
    test: 'test/storage/crash.test.ts',
    file: 'storage/shard-store.ts',
    find: `assert(below <= checkpoint.opNumber + 1, 'what is trimmed is checkpointed')
    this.log.startAt(below)`,
    replace: 'void checkpoint\n    this.log.startAt(below + 1)',
  },
]

/** Rows of the plan that this product has no code for yet. */
export const DUE = [
  {
    p: 'P30',
    bug: 'lease longer than the view-change timeout',
    due: 'leases; reads ask a quorum instead (read-index: P29)',
  },
  { p: 'P35', bug: 'feed emits at prepare', due: 'nothing: readers get what is executed (P23)' },
  { p: 'P42', bug: 'a removed member counts in the quorum', due: 'reconfiguration (§7)' },
]

/** Bugs of src/storage that the simulator's seeds find, with the real code on simulated disks (src/testing/storage). */
const store = mutant => ({ ...mutant, storage: true })

export const STORE = [
  {
    name: 'late-witness-not-lowered',
    why: 'entries are cut while the witness file still knows them',
    by: ['store-opens', 'store-restores'],
    file: 'storage/level-store.ts',
    find: '    await this.#lowerLateWitness(writes)\n',
    replace: '',
  },
  {
    name: 'cut-forgets-its-head',
    why: 'behind a cut without new entries nothing but the database tells what the log ends with',
    by: ['store-witnesses', 'store-opens'],
    patches: [
      {
        file: 'storage/shard-store.ts',
        find: `    const headChecksum = keptHead ?? append[0]?.parent
    assert(headChecksum !== undefined, 'who cuts the log knows what it ends with')
`,
        replace: `    void keptHead
    const headChecksum = from - 1 === checkpoint.opNumber ? checkpoint.checksum : undefined
`,
      },
      {
        file: 'storage/shard-store.ts',
        find: 'witness: { opNumber: this.log.head, checksum: headChecksum }',
        replace:
          'witness: headChecksum === undefined ? this.checkpointWitness() : { opNumber: this.log.head, checksum: headChecksum }',
      },
      {
        file: 'storage/shard-store.ts',
        find: 'assert(headChecksum === entry.parent',
        replace: 'assert(headChecksum === undefined || headChecksum === entry.parent',
      },
    ],
  },
  {
    name: 'witness-before-batch',
    why: 'the witness file claims a head whose batch is not durable yet',
    by: ['store-restores', 'store-opens'],
    file: 'storage/level-store.ts',
    find: '    await batch.write({ sync: true })\n',
    replace:
      '    for (const store of touched) witness.note(store.shard, store.floor().witness)\n    await batch.write({ sync: true })\n',
  },
  {
    name: 'floors-not-raised',
    why: 'the superblock does not learn what view was promised, nor of a new checkpoint',
    by: ['store-restores', 'store-notices'],
    file: 'storage/level-store.ts',
    find: 'if (receding.size > 0 || writes.some(isPromise)) {',
    replace: 'if (receding.size > 0) {',
  },
  {
    name: 'superblock-before-batch',
    why: 'the superblock knows of a view or a checkpoint before the batch that has it is durable',
    by: ['store-opens'],
    file: 'storage/level-store.ts',
    find: '    await batch.write({ sync: true })\n',
    replace:
      '    if (writes.some(isPromise)) await superblock.write({ floors: stores.map(store => store.floor()) })\n    await batch.write({ sync: true })\n',
  },
  {
    name: 'trims-one-too-many',
    why: 'a trim takes the first entry that should stay',
    by: ['store-restores'],
    file: 'storage/shard-store.ts',
    find: '    this.log.startAt(below)\n',
    replace: '    this.log.startAt(Math.min(below + 1, checkpoint.opNumber + 1))\n',
  },
  {
    name: 'install-in-the-old-generation',
    why: 'the manifest of an installed state names the generation of the state before it',
    by: ['store-restores'],
    file: 'storage/shard-store.ts',
    find: 'this.#putManifest({ checkpoint, generation, swept: count, written: 0 }, batch)',
    replace:
      'void generation\n    this.#putManifest({ checkpoint, generation: this.#staged.manifest.generation, swept: count, written: 0 }, batch)',
  },
  {
    name: 'sweep-takes-what-comes',
    why: 'a sweep takes the version of the checkpoint because a newer one is being written',
    by: ['store-restores'],
    file: 'storage/sweep.ts',
    find: '  if (generationOf(key) > generation || versionOf(key) > checkpoint.opNumber) return\n',
    replace: '  if (generationOf(key) > generation) return\n',
  },
  {
    name: 'batch-not-synced',
    why: 'a commit is acknowledged before it is durable',
    by: ['store-restores', 'store-opens'],
    file: 'storage/level-store.ts',
    find: '    await batch.write({ sync: true })\n',
    replace: '    await batch.write({ sync: false })\n',
  },
  {
    name: 'superblock-unsynced-at-start',
    why: 'what the last process wrote of the superblock, and did not live to sync, is taken for durable',
    by: ['store-opens'],
    file: 'storage/superblock-file.ts',
    find: '    await this.#file.datasync()\n    if (this.#lagging.length',
    replace: '    if (this.#lagging.length',
  },
  {
    name: 'superblock-in-one-go',
    why: 'all four copies of the superblock are under way at once',
    by: ['store-opens'],
    file: 'storage/superblock-file.ts',
    find: '    await this.#put(copy, [0, 1])\n    await this.#put(copy, [2, 3])\n',
    replace: '    await this.#put(copy, [0, 1, 2, 3])\n',
  },
  {
    name: 'replaced-without-sync',
    why: 'a file takes the place of another before its content is durable',
    by: ['store-opens'],
    file: 'storage/replace-file.ts',
    find: '    await file.sync()\n  } finally',
    replace: '  } finally',
  },
  {
    name: 'renamed-without-sync',
    why: 'a file is said to be replaced before its name is durable',
    by: ['store-restores'],
    file: 'storage/replace-file.ts',
    find: '  await rename(beside, path)\n  await syncDirectory(dirname(path))\n',
    replace: '  await rename(beside, path)\n',
  },
  {
    name: 'truncated-entries-stay',
    why: 'entries that are cut stay beside those that take their places',
    by: ['store-opens'],
    file: 'storage/shard-store.ts',
    find: '      batch.del(logKey(this.shard, opNumber, viewNumber))\n    }\n    this.#expectedHead',
    replace: '    }\n    this.#expectedHead',
  },
  {
    name: 'aside-without-floors',
    why: 'a replica whose database is set aside forgets what its superblock knows that it promised',
    by: ['store-restores'],
    file: 'storage/set-aside.ts',
    find: 'floors: promised?.floors } })',
    replace: 'floors: undefined } })',
  },
  {
    name: 'aside-twice-forgets-the-peers',
    why: 'what was seen of the peers is lost where setting aside was cut short and done again',
    by: ['store-restores'],
    file: 'storage/set-aside.ts',
    find: 'await wholePeers([kept, ...earlier])',
    replace: 'await wholePeers(earlier.length < 0 ? earlier : [kept])',
  },
  {
    name: 'aside-unmarked',
    why: 'nothing says that data is being replaced',
    by: ['store-restores', 'store-opens'],
    patches: [
      {
        file: 'storage/set-aside.ts',
        find: "  await replaceFile(join(dir, RECOVERING), 'The data of a replica is being replaced here.\\n')\n",
        replace: '',
      },
      {
        file: 'storage/set-aside.ts',
        find: 'await rm(join(dir, RECOVERING))',
        replace: 'await rm(join(dir, RECOVERING), { force: true })',
      },
    ],
  },
  {
    name: 'promises-not-written',
    why: 'what a peer promised goes to disk with the next write only, whenever that is',
    by: ['store-restores'],
    file: 'storage/peers-file.ts',
    find: '    this.#timer ??= setTimeout(() => void this.#write().catch(() => undefined), PROMISES_MS)\n',
    replace: '',
  },
  {
    name: 'start-not-counted',
    why: 'a start does not raise the boot counter',
    by: ['store-restores'],
    file: 'storage/open.ts',
    find: 'bootCounter: bootCounter + 1, clean: false',
    replace: 'bootCounter, clean: false',
  },
  {
    name: 'witness-lowered-behind-the-batch',
    why: 'the superblock calls an entry its witness that a durable batch has cut',
    by: ['store-opens', 'store-restores'],
    patches: [
      {
        file: 'storage/level-store.ts',
        find: '    if (receding.size > 0) await this.#lowerWitness(receding)\n',
        replace: '',
      },
      {
        file: 'storage/level-store.ts',
        find: '    await batch.write({ sync: true })\n',
        replace:
          '    await batch.write({ sync: true })\n    if (receding.size > 0) await this.#lowerWitness(receding)\n',
      },
    ],
  },
  {
    name: 'unfinished-install-kept',
    why: 'records of an install that was cut short stay, and are mixed into the next one',
    by: ['store-restores'],
    file: 'storage/audit.ts',
    find: 'key => generationOf(key) > generation || versionOf(key) > checkpoint.opNumber,',
    replace: 'key => generationOf(key) === generation && versionOf(key) > checkpoint.opNumber,',
  },
  {
    name: 'texts-dropped-under-the-checkpoint',
    why: 'with an old version of a cold record goes the text of the one that counts',
    by: ['store-texts', 'store-restores'],
    file: 'storage/texts.ts',
    find: '  if (await isInCheckpoint(db, store, id)) return true\n  const',
    replace: '  const',
  },
  {
    name: 'texts-dropped-under-an-install',
    why: 'with an old version of a cold record goes the text that an install to come refers to',
    by: ['store-texts', 'store-restores'],
    file: 'storage/texts.ts',
    find: 'later <= store.topGeneration; later++',
    replace: 'later < generation; later++',
  },
  {
    name: 'texts-written-again-go',
    why: 'a text goes as decided when nothing referred to it, though it was written again meanwhile',
    by: ['store-texts', 'store-restores'],
    file: 'storage/shard-store.ts',
    find: '      if (record.cold?.text !== undefined) this.sweep.onText(textKey(this.shard, record.id))\n',
    replace: '',
  },
  {
    name: 'texts-dropped-before-the-checkpoint',
    why: 'the text of a cold record goes when it is gone in a checkpoint that is not complete yet',
    by: ['store-texts', 'store-restores'],
    file: 'storage/shard-store.ts',
    find: '    this.sweep.onWritten(slice.records)\n',
    replace:
      '    this.sweep.onWritten(slice.records)\n    for (const { id, value, cold } of slice.records) if (value === undefined && cold !== undefined) batch.del(textKey(this.shard, id))\n',
  },
  {
    name: 'aside-unmarked-too-early',
    why: 'nothing says any more that data is being replaced, before what replaces it is there',
    by: ['store-restores', 'store-opens'],
    patches: [
      {
        file: 'storage/set-aside.ts',
        find: '  await rm(join(dir, RECOVERING))\n  await syncDirectory(dir)\n',
        replace: '',
      },
      {
        file: 'storage/set-aside.ts',
        find: '  await foundStore(dir, cluster, {',
        replace:
          '  await rm(join(dir, RECOVERING))\n  await syncDirectory(dir)\n  await foundStore(dir, cluster, {',
      },
    ],
  },
  {
    name: 'superblock-not-mended',
    why: 'a write of the superblock that was cut short is not made whole before the next one',
    by: ['store-opens', 'store-restores'],
    file: 'storage/superblock-file.ts',
    find: '    if (this.#lagging.length > 0) await this.#put(encodeCopy(this.#now), this.#lagging)\n',
    replace: '',
  },
].map(store)

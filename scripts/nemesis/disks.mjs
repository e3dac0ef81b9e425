/**
 * A disk of its own for each node: an ext4 file system in a file in memory. A copy of that file is what
 * would be found after the power failed: what the file system has not been made to write is not in it.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import { scratch } from './cluster.mjs'
import { mount, run, unmount } from './system.mjs'

export class Disks {
  /** Moves the data of each node onto its disk. */
  constructor(cluster, megabytes) {
    this.cluster = cluster
    this.dir = scratch()
    mount('tmpfs', this.dir, '-t', 'tmpfs')
    for (let i = 0; i < cluster.n; i++) {
      const data = cluster.dataDir(i)
      run('truncate', '-s', `${megabytes}M`, this.image(i))
      run('mkfs.ext4', '-q', '-m', '0', this.image(i))
      run('cp', '-a', data, `${data}.before`)
      this.#mount(i)
      run('cp', '-a', `${data}.before/.`, data)
      run('chmod', '0700', data)
      run('sync', '-f', data)
      rmSync(`${data}.before`, { recursive: true })
      rmSync(join(data, 'lost+found'), { recursive: true })
    }
  }

  image(i) {
    return join(this.dir, `n${i + 1}.image`)
  }

  #mount(i) {
    mkdirSync(this.cluster.dataDir(i), { recursive: true })
    mount(this.image(i), this.cluster.dataDir(i), '-o', 'loop')
  }

  /**
   * The power fails: processes stand still at one moment, the images are copied as they are, and from
   * then on the copies are the disks. A copy counts only if the image was the same after it as before,
   * so that it is one moment's.
   */
  async cut() {
    const { cluster } = this
    const all = [0, 1, 2]
    for (const i of all) cluster.signal(i, 'SIGSTOP')
    for (const i of all) this.#copy(i)
    for (const i of all) await cluster.kill(i)
    for (const i of all) {
      unmount(cluster.dataDir(i))
      run('mv', `${this.image(i)}.copy`, this.image(i))
      this.#mount(i)
    }
  }

  #copy(i) {
    for (let attempt = 0; attempt < 20; attempt++) {
      run('cp', '--sparse=always', this.image(i), `${this.image(i)}.copy`)
      try {
        run('cmp', '-s', this.image(i), `${this.image(i)}.copy`)
        return
      } catch {
        // Something was written while it was copied: a mixture of two moments is no power cut.
      }
    }
    throw new Error(`the disk of n${i + 1} does not stand still`)
  }

  /** Last op of the log on each disk, highest first; read by LevelDB itself from a copy. */
  async heads() {
    const heads = []
    for (let i = 0; i < this.cluster.n; i++) {
      const copy = join(scratch(), 'db')
      run('cp', '-a', join(this.cluster.dataDir(i), 'db'), copy)
      heads.push(await lastOp(copy))
    }
    return heads.sort((a, b) => b - a)
  }

  /** Ends the mounts, so that the directories can be removed. */
  close() {
    for (let i = 0; i < this.cluster.n; i++) unmount(this.cluster.dataDir(i))
    unmount(this.dir)
  }
}

/** Keys of log entries: L, shard u16, op u64, view u64 (src/storage/keys.ts). */
async function lastOp(directory) {
  const db = new Level(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await db.open()
  try {
    const log = { gte: Buffer.from('L\0\0'), lt: Buffer.from('L\0\u0001'), reverse: true, limit: 1 }
    const [last] = await db.keys(log).all()
    return last === undefined ? 0 : Number(last.readBigUInt64BE(3))
  } finally {
    await db.close()
  }
}

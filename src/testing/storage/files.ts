/**
 * Takes the place of node:fs and node:fs/promises under src/storage: as much of them as that uses, on disks in
 * memory. The first name of a path is that of the disk. What a process that is gone waits for never comes.
 */
import { dirname, posix } from 'node:path'
import { Directory, FileNode, type Kind, type Process, type SimDisk } from './disk.ts'

const disks = new Map<string, SimDisk>()

export function mount(name: string, disk: SimDisk): void {
  disks.set(name, disk)
}

export function unmountAll(): void {
  disks.clear()
}

export const never = <T>(): Promise<T> => new Promise(() => {})

export function diskOf(path: string): SimDisk {
  const disk = disks.get(partsOf(path)[0] ?? '')
  if (disk === undefined) throw failure('ENOENT', path)
  return disk
}

/** An operation that changes something: with fate's leave. */
export async function enter<T>(
  disk: SimDisk,
  process: Process,
  kind: Kind,
  act: () => T,
): Promise<T> {
  const value = disk.begin(process, kind) ? act() : undefined
  return process.isOver ? never() : (value as T)
}

export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

const partsOf = (path: string): string[] => path.split('/').filter(part => part !== '')

function find(path: string): Directory | FileNode | undefined {
  const [, ...parts] = partsOf(path)
  let at: Directory | FileNode | undefined = diskOf(path).root
  for (const part of parts) at = at instanceof Directory ? at.names.get(part) : undefined
  return at
}

export function directoryAt(path: string): Directory {
  const found = find(path)
  if (found instanceof Directory) return found
  throw failure(found === undefined ? 'ENOENT' : 'ENOTDIR', path)
}

function fileAt(path: string): FileNode {
  const found = find(path)
  if (found instanceof FileNode) return found
  throw failure(found === undefined ? 'ENOENT' : 'EISDIR', path)
}

/** Of the process that uses the disk now. */
const changing = <T>(path: string, kind: Kind, act: (disk: SimDisk) => T): Promise<T> => {
  const disk = diskOf(path)
  return enter(disk, disk.process, kind, () => act(disk))
}

async function looking<T>(path: string, look: () => T): Promise<T> {
  return diskOf(path).process.isOver ? never() : look()
}

const change = (path: string, entry: Directory | FileNode | undefined) => ({
  directory: directoryAt(dirname(path)),
  name: posix.basename(path),
  entry,
})

// node:fs/promises

export async function chmod(): Promise<void> {}

export async function mkdir(path: string): Promise<void> {
  if (find(path) !== undefined) return
  await changing(path, 'name', disk => disk.change(change(path, new Directory())))
}

export const readdir = (path: string): Promise<string[]> =>
  looking(path, () => [...directoryAt(path).names.keys()])

export const stat = (path: string): Promise<object> =>
  looking(path, () => {
    if (find(path) === undefined) throw failure('ENOENT', path)
    return {}
  })

export const statfs = async (): Promise<{ bavail: number; bsize: number }> => ({
  bavail: 2 ** 20,
  bsize: 4096,
})

export const readFile = (path: string, encoding?: BufferEncoding): Promise<Buffer | string> =>
  looking(path, () => {
    const { bytes } = fileAt(path)
    return encoding === undefined ? Buffer.from(bytes) : bytes.toString(encoding)
  })

export async function rm(path: string, options: { force?: boolean } = {}): Promise<void> {
  if (find(path) === undefined) {
    if (options.force) return
    throw failure('ENOENT', path)
  }
  await changing(path, 'name', disk => disk.change(change(path, undefined)))
}

export const rename = (from: string, to: string): Promise<void> =>
  changing(from, 'name', disk => {
    const entry = find(from)
    if (entry === undefined) throw failure('ENOENT', from)
    disk.change(change(to, entry), change(from, undefined))
  })

export async function open(path: string, flags: string): Promise<Handle> {
  const found = find(path)
  if (found instanceof Directory) return new Handle(diskOf(path), found)
  if (found !== undefined && flags !== 'w') return new Handle(diskOf(path), found)
  if (found === undefined && flags === 'r+') throw failure('ENOENT', path)
  // Written anew under the old name: what was there is another file, as far as a crash is concerned.
  const file = new FileNode()
  await changing(path, 'name', disk => disk.change(change(path, file)))
  return new Handle(diskOf(path), file)
}

class Handle {
  readonly #disk: SimDisk
  readonly #process: Process
  readonly #entry: Directory | FileNode

  constructor(disk: SimDisk, entry: Directory | FileNode) {
    this.#disk = disk
    this.#process = disk.process
    this.#entry = entry
  }

  async readFile(): Promise<Buffer> {
    return this.#process.isOver ? never() : Buffer.from(this.#file.bytes)
  }

  /** May take less than it was given. */
  write(bytes: Uint8Array, from: number, length: number, at: number): Promise<object> {
    return enter(this.#disk, this.#process, 'write', () => {
      const { prng } = this.#disk
      const bytesWritten = length > 1 && prng.chance(0.1) ? prng.int(1, length) : length
      this.#file.write(bytes.subarray(from, from + bytesWritten), at)
      return { bytesWritten }
    })
  }

  writeFile(content: string | Uint8Array): Promise<void> {
    return enter(this.#disk, this.#process, 'write', () => {
      this.#file.write(Buffer.from(content as Uint8Array), 0)
    })
  }

  sync(): Promise<void> {
    return enter(this.#disk, this.#process, 'sync', () => {
      if (this.#entry instanceof Directory) this.#disk.syncNames(this.#entry)
      else this.#entry.sync()
    })
  }

  datasync(): Promise<void> {
    return this.sync()
  }

  async close(): Promise<void> {
    return this.#process.isOver ? never() : undefined
  }

  /** At once, for node:fs. A process that is gone does not go on behind it. */
  writeNow(bytes: Uint8Array, at: number): void {
    if (this.#disk.begin(this.#process, 'write')) this.#file.write(bytes, at)
    if (this.#process.isOver) throw failure('EIO', 'the process is gone')
  }

  get #file(): FileNode {
    if (this.#entry instanceof FileNode) return this.#entry
    throw failure('EISDIR', 'a directory')
  }
}

// node:fs

const handles = new Map<number, Handle>()
let lastFd = 2

export function openSync(path: string, flags: string): number {
  let file = find(path)
  if (file === undefined) {
    if (flags === 'r+') throw failure('ENOENT', path)
    const disk = diskOf(path)
    file = new FileNode()
    if (disk.begin(disk.process, 'name')) disk.change(change(path, file))
  }
  handles.set(++lastFd, new Handle(diskOf(path), file))
  return lastFd
}

export function writeSync(
  fd: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  at: number,
): number {
  handles.get(fd)?.writeNow(bytes.subarray(from, from + length), at)
  return length
}

export function closeSync(fd: number): void {
  handles.delete(fd)
}

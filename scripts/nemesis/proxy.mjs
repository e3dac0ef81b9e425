/**
 * TCP proxies between whoever talks: one door before each server, faults for each direction between two names,
 * whoever of them has dialled. What was done is counted, by direction and kind, so that a run can tell whether
 * its faults took place.
 */
import { createConnection, createServer } from 'node:net'
import { Pipe } from './pipe.mjs'

const way = (from, to) => `${from}>${to}`
const hasEnded = socket => socket.closed || socket.readableEnded

export class Proxies {
  #random
  #faults = new Map()
  #counts = new Map()
  #servers = []
  #connections = new Set()

  constructor({ random }) {
    this.#random = random
  }

  /**
   * A door to the server `name` at `target`, { host, port }; `nameOf`: who comes from an address. Gives its port.
   */
  async open({ name, target, host, nameOf }) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, near => {
      this.#connect(nameOf(near.remoteAddress), name, near, target)
    })
    this.#servers.push(server)
    await new Promise((resolve, reject) => server.once('error', reject).listen(0, host, resolve))
    return server.address().port
  }

  #connect(dialler, name, near, target) {
    const far = createConnection({ ...target, allowHalfOpen: true, noDelay: true })
    const connection = { near, far, pipes: [], isCorrupt: false }
    const reset = () => {
      for (const socket of [near, far]) socket.resetAndDestroy()
    }
    const pipe = (from, to, fromName, toName) => {
      const key = way(fromName, toName)
      const count = (kind, n) => {
        if (kind === 'corrupt') connection.isCorrupt = true
        this.#count(key, kind, n)
      }
      const events = { fault: () => this.#faults.get(key), random: this.#random, count, reset }
      return new Pipe(from, to, events)
    }
    connection.pipes = [pipe(near, far, dialler, name), pipe(far, near, name, dialler)]
    this.#count(way(dialler, name), 'connections', 1)
    this.#connections.add(connection)
    for (const socket of [near, far]) {
      socket.once('close', () => {
        if (near.closed && far.closed) this.#forget(connection)
      })
    }
  }

  #forget(connection) {
    for (const pipe of connection.pipes) pipe.stop()
    this.#connections.delete(connection)
  }

  #count(key, kind, n) {
    const counts = this.#counts.get(key) ?? {}
    counts[kind] = (counts[kind] ?? 0) + n
    this.#counts.set(key, counts)
  }

  /** How much of a kind was done in one direction, or in all. */
  counted(kind, from, to) {
    if (from !== undefined) return this.#counts.get(way(from, to))?.[kind] ?? 0
    return [...this.#counts.values()].reduce((sum, counts) => sum + (counts[kind] ?? 0), 0)
  }

  /** Connections in which bytes were changed, and which nobody has ended yet. */
  get corruptOpen() {
    return [...this.#connections].filter(
      ({ isCorrupt, near, far }) => isCorrupt && !hasEnded(near) && !hasEnded(far),
    ).length
  }

  /** From now on, in one direction. */
  harm(from, to, fault) {
    this.#faults.set(way(from, to), fault)
    this.#changed()
  }

  heal() {
    this.#faults.clear()
    this.#changed()
  }

  #changed() {
    for (const { pipes } of [...this.#connections]) for (const pipe of pipes) pipe.changed()
  }

  close() {
    for (const server of this.#servers) server.close()
    for (const { near, far, pipes } of this.#connections) {
      for (const pipe of pipes) pipe.stop()
      near.destroy()
      far.destroy()
    }
    this.#connections.clear()
  }
}

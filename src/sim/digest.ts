/** A running digest of everything that happened: the same seed gives the same one, on any machine. */
export class Digest {
  #a = 0x811c9dc5
  #b = 0x9747b28c

  add(n: number): void {
    this.#a = Math.imul(this.#a ^ n, 0x01000193)
    this.#b = Math.imul(this.#b ^ n, 0x85ebca6b) + (this.#a >>> 15)
    this.#b |= 0
  }

  text(line: string): void {
    for (let i = 0; i < line.length; i++) this.add(line.charCodeAt(i))
  }

  get hex(): string {
    const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, '0')
    return hex(this.#a) + hex(this.#b)
  }
}

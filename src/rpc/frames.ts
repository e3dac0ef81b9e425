/**
 * WebSocket text frames of a server (RFC 6455 §5.2: unmasked, one frame a message), many in one buffer:
 * `ws` makes two writes of each, which costs more than everything else an answer needs.
 */
const TEXT_FINAL = 0x81
const SHORT_MAX = 125
const LENGTH_16 = 126
const LENGTH_64 = 127

export function textFrames(texts: readonly string[]): Buffer {
  const lengths = new Array<number>(texts.length)
  let total = 0
  for (let i = 0; i < texts.length; i++) {
    const length = Buffer.byteLength(texts[i] ?? '')
    lengths[i] = length
    total += headBytes(length) + length
  }
  const out = Buffer.allocUnsafe(total)
  let at = 0
  for (let i = 0; i < texts.length; i++) {
    at = writeHead(out, at, lengths[i] ?? 0)
    at += out.write(texts[i] ?? '', at)
  }
  return out
}

function headBytes(length: number): number {
  if (length <= SHORT_MAX) return 2
  return length < 65_536 ? 4 : 10
}

function writeHead(out: Buffer, at: number, length: number): number {
  out[at] = TEXT_FINAL
  if (length <= SHORT_MAX) {
    out[at + 1] = length
    return at + 2
  }
  if (length < 65_536) {
    out[at + 1] = LENGTH_16
    return out.writeUInt16BE(length, at + 2)
  }
  out[at + 1] = LENGTH_64
  out.writeUInt16BE(0, at + 2)
  return out.writeUIntBE(length, at + 4, 6)
}

/**
 * Record ids as bytes of a key. Any string must survive, so: each UTF-16 code unit by itself as one to
 * three bytes, which is UTF-8 for all but surrogates and sorts as JavaScript compares strings. A zero
 * byte is followed by FF, so that `id 00 op` cannot be taken for a longer id (an op never starts with FF).
 */
const UNUSUAL = /[\0\ud800-\udfff]/
const SURROGATE_LEAD = 0xed

export function encodeId(id: string): Buffer {
  if (!UNUSUAL.test(id)) return Buffer.from(id, 'utf8')
  const bytes: number[] = []
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i)
    if (unit === 0) bytes.push(0, 0xff)
    else if (unit < 0x80) bytes.push(unit)
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
  }
  return Buffer.from(bytes)
}

/** Of bytes that encodeId made. */
export function decodeId(bytes: Buffer): string {
  if (!bytes.includes(0) && !bytes.includes(SURROGATE_LEAD)) return bytes.toString('utf8')
  let id = ''
  for (let i = 0; i < bytes.length; ) {
    const [lead = 0, second = 0, third = 0] = bytes.subarray(i, i + 3)
    if (lead === 0) i += 2
    else if (lead < 0x80) i += 1
    else i += lead < 0xe0 ? 2 : 3
    id += String.fromCharCode(codeUnit(lead, second, third))
  }
  return id
}

function codeUnit(lead: number, second: number, third: number): number {
  if (lead < 0x80) return lead
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | (second & 0x3f)
  return ((lead & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f)
}

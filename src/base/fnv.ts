/**
 * FNV-1a (32 bits) over the code units of a text. Where a key or a record lies follows from it, on every node,
 * for good: it is part of the data format.
 */
export function fnv1a(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

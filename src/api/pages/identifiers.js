/** Ids minted by the page; also where the browser has no `randomUUID`, as on plain http. */

export function mintId() {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** The later of two positions, which are decimal strings of any length. */
export function laterPosition(one, other) {
  return BigInt(one || 0) >= BigInt(other || 0) ? String(one || 0) : String(other || 0)
}

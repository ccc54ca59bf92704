/** UUIDs between their text (canonical, lower case) and their sixteen bytes. */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
/** Where in the text each byte's two digits begin. */
const DIGITS_AT = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

/** Writes the sixteen bytes; throws on a text that is no canonical UUID. */
export function parseUuid(text: string, into: Uint8Array, at: number): void {
  let wrong = text.length === 36 ? 0 : 1
  for (let i = 0; i < 16; i += 1) {
    const digit = DIGITS_AT[i] as number
    const high = nibble(text.charCodeAt(digit))
    const low = nibble(text.charCodeAt(digit + 1))
    wrong |= high | low
    into[at + i] = (high << 4) | low
  }
  if (wrong > 15) throw new Error(`not a canonical UUID: ${text.slice(0, 40)}`)
}

export function formatUuid(from: Uint8Array, at: number): string {
  const hex = (i: number) => HEX[from[at + i] as number] as string
  const first = hex(0) + hex(1) + hex(2) + hex(3)
  const rest = hex(10) + hex(11) + hex(12) + hex(13) + hex(14) + hex(15)
  return `${first}-${hex(4)}${hex(5)}-${hex(6)}${hex(7)}-${hex(8)}${hex(9)}-${rest}`
}

/** The value of a lower-case hexadecimal digit; 16 for anything else. */
function nibble(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 97 && code <= 102) return code - 87
  return 16
}

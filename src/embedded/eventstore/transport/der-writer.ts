/** Writes the few forms of DER (ITU-T X.690) that a certificate is made of. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  generalizedTime: 0x18,
  context: 0x80,
  constructedContext: 0xa0,
} as const

export function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(TAG.sequence, Buffer.concat(parts))
}

export function set(...parts: readonly Buffer[]): Buffer {
  return tagged(TAG.set, Buffer.concat(parts))
}

export function boolean(value: boolean): Buffer {
  return tagged(TAG.boolean, Buffer.from([value ? 0xff : 0]))
}

/** A whole number that is not negative, from its bytes. */
export function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const shortest = first === -1 ? Buffer.from([0]) : bytes.subarray(first)
  const isNegativeLooking = (shortest[0] as number) >= 0x80
  return tagged(TAG.integer, isNegativeLooking ? Buffer.concat([Buffer.from([0]), shortest]) : shortest)
}

export function bitString(bytes: Buffer, unusedBits = 0): Buffer {
  return tagged(TAG.bitString, Buffer.concat([Buffer.from([unusedBits]), bytes]))
}

export function octetString(bytes: Buffer): Buffer {
  return tagged(TAG.octetString, bytes)
}

export function utf8String(text: string): Buffer {
  return tagged(TAG.utf8String, Buffer.from(text))
}

/** `1.2.840.10045.4.3.2` and the like. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(TAG.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** To the second, in UTC. */
export function generalizedTime(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  return tagged(TAG.generalizedTime, Buffer.from(`${text}Z`))
}

/** A value under a number of the surrounding structure. */
export function context(number: number, content: Buffer): Buffer {
  return tagged(TAG.context + number, content)
}

/** The same around whole values. */
export function constructedContext(number: number, ...parts: readonly Buffer[]): Buffer {
  return tagged(TAG.constructedContext + number, Buffer.concat(parts))
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(content.length)]), content])
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 + bytes.length, ...bytes]
}

function base128(value: number): number[] {
  const bytes = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) + 128)
  return bytes
}

/** Checks in the browser itself that an event is a leaf of the signed tree (RFC 9162 §2.1.3.2), with nothing but hashes. */

/** True when SHA-256 of the leaf leads over the proof's hashes to the root of the checkpoint. */
export async function isProven(leaf, { index, size, hashes }, rootHash) {
  let [place, last] = [index, size - 1]
  let hash = await sha256([Uint8Array.of(0), new TextEncoder().encode(leaf)])
  for (const sibling of hashes.map(bytesOf)) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      hash = await sha256([Uint8Array.of(1), sibling, hash])
      while (place % 2 === 0 && place !== 0) [place, last] = [Math.floor(place / 2), Math.floor(last / 2)]
    } else {
      hash = await sha256([Uint8Array.of(1), hash, sibling])
    }
    ;[place, last] = [Math.floor(place / 2), Math.floor(last / 2)]
  }
  return last === 0 && textOf(hash) === rootHash
}

/** Origin, size and root hash, the first three lines of a checkpoint. */
export function readCheckpoint(note) {
  const [origin, size, rootHash] = note.split('\n')
  return { origin, size: Number(size), rootHash }
}

async function sha256(parts) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()))
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
const textOf = (bytes) => btoa(String.fromCharCode(...bytes))

/**
 * Where the hashes of a tree stand: C2SP `tlog-tiles`, 256 hashes to a tile, a tile of level L + 1 over those of level L.
 *
 * Source: https://c2sp.org/tlog-tiles
 */
import { HASH_BYTES } from './tree-hash.ts'

export const TILE_HEIGHT = 8
export const TILE_HASHES = 2 ** TILE_HEIGHT
export const TILE_BYTES = TILE_HASHES * HASH_BYTES
/** Level 6 is reached by a tree of 2^56 leaves: more than numbers can count exactly. */
export const TILE_LEVELS_MAX = 7

export interface TileName {
  readonly level: number
  readonly index: number
  /** 256 for a full tile. */
  readonly width: number
}

/** `tile/<level>/<index>[.p/<width>]`, the index in groups of three digits: 1234067 is `x001/x234/067`. */
export function tilePath({ level, index, width }: TileName): string {
  const suffix = width === TILE_HASHES ? '' : `.p/${width}`
  return `tile/${level}/${indexPath(index)}${suffix}`
}

function indexPath(index: number): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  return groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join('/')
}

const TILE_PATH = /^tile\/(0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** Reads a path back; undefined for one that names no tile, or names it in another way than `tilePath`. */
export function parseTilePath(path: string): TileName | undefined {
  const [, level, index, width] = TILE_PATH.exec(path) ?? []
  if (level === undefined || index === undefined) return undefined
  const tile = {
    level: Number(level),
    index: Number(index.replaceAll(/\D/g, '')),
    width: width === undefined ? TILE_HASHES : Number(width),
  }
  if (tile.level >= TILE_LEVELS_MAX || tile.width > TILE_HASHES || !Number.isSafeInteger(tile.index)) return undefined
  return tilePath(tile) === path ? tile : undefined
}

/** How many hashes a tree of `size` leaves has at a level of tiles. */
export function hashesAtLevel(size: number, level: number): number {
  return Math.floor(size / TILE_HASHES ** level)
}

/** The tiles at the right edge of a tree that are not full, from level 0 up. */
export function partialTiles(size: number): TileName[] {
  const tiles: TileName[] = []
  for (let level = 0; hashesAtLevel(size, level) > 0; level += 1) {
    const hashes = hashesAtLevel(size, level)
    const width = hashes % TILE_HASHES
    if (width > 0) tiles.push({ level, index: Math.floor(hashes / TILE_HASHES), width })
  }
  return tiles
}

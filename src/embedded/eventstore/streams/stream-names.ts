/** Names that the server gives a meaning, and those that no stream may have. */

export const ALL = '$all'

/** The empty name, and the metadata stream of the empty name, are nobody's. */
export function isValidStreamName(stream: string): boolean {
  return stream !== '' && stream !== '$$'
}

/** What the types of `pg` leave out. */
declare module 'pg/lib/utils.js' {
  /** Puts a value of a statement into the form in which it is sent. */
  export function prepareValue(value: unknown): unknown
}

/** Decides whether somebody may do something with a stream, from its access control list and the defaults: pure. */
import type { Principal, StreamAction } from './access-control.ts'

/** Who may do what: user or group names for each action; an action that is not named falls back to the defaults. */
export type AccessList = Readonly<Partial<Record<StreamAction, readonly string[]>>>

/** Lists that stand in for what a stream's own list does not name. */
export interface DefaultLists {
  readonly user: AccessList
  readonly system: AccessList
}

export const ADMINS = '$admins'
export const OPERATORS = '$ops'
/** In a list: everybody who has signed in. */
export const EVERYBODY = '$all'

export const isAdmin = ({ groups }: Principal) => groups.includes(ADMINS)
export const isOperator = (principal: Principal) => isAdmin(principal) || principal.groups.includes(OPERATORS)

const ACTION_NAMES: Readonly<Record<StreamAction, string>> = {
  read: '$r',
  write: '$w',
  delete: '$d',
  'read-metadata': '$mr',
  'write-metadata': '$mw',
}

/** The built-in defaults: plain streams are open to everybody who has signed in, those of the system to admins. */
export const NO_DEFAULTS: DefaultLists = { user: {}, system: {} }

export interface StreamQuestion {
  readonly principal: Principal
  readonly action: StreamAction
  /** Never a metadata stream: its reading and writing are actions on the stream it describes. */
  readonly stream: string
  readonly list: AccessList
  readonly defaults: DefaultLists
}

/** Admins are never locked out; who has not signed in is, whatever the list says. */
export function mayAccess({ principal, action, stream, list, defaults }: StreamQuestion): boolean {
  if (principal.name === undefined) return false
  if (isAdmin(principal)) return true
  const isSystem = stream.startsWith('$')
  const roles = list[action] ?? (isSystem ? defaults.system : defaults.user)[action] ?? [isSystem ? ADMINS : EVERYBODY]
  return roles.some((role) => role === EVERYBODY || role === principal.name || principal.groups.includes(role))
}

/** Takes a list as it stands in `$acl`: one name or several for each action. Anything that is not a list is none. */
export function parseAccessList(value: unknown): AccessList {
  if (typeof value !== 'object' || value === null) return {}
  const fields = value as Readonly<Record<string, unknown>>
  const list: Partial<Record<StreamAction, readonly string[]>> = {}
  for (const [action, field] of Object.entries(ACTION_NAMES)) {
    const roles = parseRoles(fields[field])
    if (roles) list[action as StreamAction] = roles
  }
  return list
}

/** What is neither a name nor names lets nobody in: a slip must not open a stream. */
function parseRoles(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((role) => typeof role === 'string') : []
}

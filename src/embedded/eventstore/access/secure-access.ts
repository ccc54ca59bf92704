/** The rules of a node that people sign in to: users, roles, and the lists that streams carry in their metadata. */
import { decodeContent } from '../protocol/recorded-event.ts'
import type { EventStore } from '../streams/event-store.ts'
import { isMetastream, streamOfMetastream } from '../streams/stream-metadata.ts'
import { ALL } from '../streams/stream-names.ts'
import {
  type AccessControl,
  accessDenied,
  type NodeAction,
  type Principal,
  type StreamAction,
} from './access-control.ts'
import type { SignIn } from './sign-in.ts'
import { type DefaultLists, isAdmin, isOperator, mayAccess, NO_DEFAULTS, parseAccessList } from './stream-rights.ts'

export function secureAccess(store: EventStore, signIn: SignIn): AccessControl {
  const defaults = new DefaultAccessLists(store)
  return {
    authenticate: (headers) => signIn.authenticate(headers.authorization),
    authorizeStream(principal, action, stream) {
      if (!isPossible(action, stream)) throw accessDenied()
      const target = targetOf(action, stream)
      const list = parseAccessList(store.metadata(target.stream, 'pending').acl)
      if (!mayAccess({ principal, ...target, list, defaults: defaults.current() })) throw accessDenied()
    },
    authorizeNode(principal, action) {
      if (!mayAct(principal, action)) throw accessDenied()
    },
  }
}

/** Everything there is cannot be written or deleted, and metadata goes only with its stream. */
function isPossible(action: StreamAction, stream: string): boolean {
  if (action === 'delete') return stream !== ALL && !isMetastream(stream)
  return !(action === 'write' && stream === ALL)
}

/** To read or write a metadata stream is to read or write the metadata of what it describes. */
function targetOf(action: StreamAction, stream: string): { action: StreamAction; stream: string } {
  if (!isMetastream(stream)) return { action, stream }
  const isWriting = action === 'write' || action === 'write-metadata'
  return { action: isWriting ? 'write-metadata' : 'read-metadata', stream: streamOfMetastream(stream) }
}

function mayAct(principal: Principal, action: NodeAction): boolean {
  const [area] = action.split('/')
  if (area === 'monitoring') return true // As EventStoreDB's /stats.
  if (area === 'users') return isAdmin(principal)
  // Whoever may read what a group is about may work in it.
  if (action === 'subscriptions/process') return principal.name !== undefined
  return isOperator(principal)
}

const SETTINGS_STREAM = '$settings'

/** The lists that the last event of `$settings` sets for streams without lists of their own. */
class DefaultAccessLists {
  readonly #store: EventStore
  #position: number | undefined
  #lists = NO_DEFAULTS

  constructor(store: EventStore) {
    this.#store = store
  }

  current(): DefaultLists {
    const position = this.#store.log.durableHead(SETTINGS_STREAM)?.position
    if (position !== this.#position) {
      this.#position = position
      this.#lists = this.#read()
    }
    return this.#lists
  }

  #read(): DefaultLists {
    const record = this.#store.visibleEvent(SETTINGS_STREAM, -1)
    if (!record) return NO_DEFAULTS
    try {
      const settings = JSON.parse(decodeContent(record.body).data.toString('utf8')) as Record<string, unknown> | null
      return {
        user: parseAccessList(settings?.['$userStreamAcl']),
        system: parseAccessList(settings?.['$systemStreamAcl']),
      }
    } catch {
      return NO_DEFAULTS
    }
  }
}

/** ServerFeatures/GetSupportedMethods: what this server can do; clients decide by it which calls they make. */
import { ProtobufWriter } from '../protocol/protobuf-writer.ts'
import type { RpcHandler } from '../transport/grpc-call.ts'

/** The version whose behaviour this server keeps to. */
export const SERVER_VERSION = '23.10.8'

/** Features that clients ask for beyond a method's being there. */
const FEATURES: Readonly<Record<string, readonly string[]>> = {
  'streams.Streams/Read': ['position', 'events'],
  'streams.Streams/BatchAppend': ['deadline_duration'],
  'persistent_subscriptions.PersistentSubscriptions/Create': ['stream', 'all'],
  'persistent_subscriptions.PersistentSubscriptions/Update': ['stream', 'all'],
  'persistent_subscriptions.PersistentSubscriptions/Delete': ['stream', 'all'],
  'persistent_subscriptions.PersistentSubscriptions/Read': ['stream', 'all'],
  'persistent_subscriptions.PersistentSubscriptions/GetInfo': ['stream', 'all'],
  'persistent_subscriptions.PersistentSubscriptions/ReplayParked': ['stream', 'all'],
  'persistent_subscriptions.PersistentSubscriptions/List': ['stream', 'all'],
}

const PACKAGE = '/event_store.client.'

/** Offers exactly the paths that have a handler. Method names go out in lower case. */
export function serverFeaturesRpc(paths: () => Iterable<string>): RpcHandler {
  return async (call) => {
    await call.request()
    const writer = new ProtobufWriter(2_048)
    for (const path of paths()) {
      const name = path.slice(PACKAGE.length)
      const [service = '', method = ''] = name.split('/')
      writer.message(1, (supported) => {
        supported.string(1, method.toLowerCase()).string(2, `event_store.client.${service}`.toLowerCase())
        for (const feature of FEATURES[name] ?? []) supported.string(3, feature)
      })
    }
    call.end(writer.string(2, SERVER_VERSION).finish())
  }
}

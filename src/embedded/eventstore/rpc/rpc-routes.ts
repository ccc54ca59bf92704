/** Which handler serves which path: the one list of everything the server can do. */
import type { AccessControl } from '../access/access-control.ts'
import type { GroupRegistry } from '../groups/group-registry.ts'
import type { EventStore } from '../streams/event-store.ts'
import type { RpcHandler } from '../transport/grpc-call.ts'
import { appendRpc } from './append-rpc.ts'
import { batchAppendRpc } from './batch-append-rpc.ts'
import { deleteRpc } from './delete-rpc.ts'
import { gossipRpc, type NodeIdentity } from './gossip-rpc.ts'
import {
  changeGroupRpc,
  deleteGroupRpc,
  groupInfoRpc,
  listGroupsRpc,
  replayParkedRpc,
  restartGroupsRpc,
} from './persistent-groups-rpc.ts'
import { persistentReadRpc } from './persistent-read-rpc.ts'
import { readRpc } from './read-rpc.ts'
import { serverFeaturesRpc } from './server-features-rpc.ts'

/** What handlers are built from. */
export interface RpcContext {
  readonly store: EventStore
  readonly access: AccessControl
  readonly groups: GroupRegistry
  readonly node: NodeIdentity
}

/** Handlers by path. A service of its own adds its lines here and nowhere else. */
export function rpcRoutes({ store, access, groups, node }: RpcContext): ReadonlyMap<string, RpcHandler> {
  const routes = new Map<string, RpcHandler>()
  const add = (name: string, handler: RpcHandler) => routes.set(`/event_store.client.${name}`, handler)
  add(
    'server_features.ServerFeatures/GetSupportedMethods',
    serverFeaturesRpc(() => routes.keys()),
  )
  add('gossip.Gossip/Read', gossipRpc(node))
  add('streams.Streams/Read', readRpc(store, access))
  add('streams.Streams/Append', appendRpc(store, access))
  add('streams.Streams/BatchAppend', batchAppendRpc(store, access))
  add('streams.Streams/Delete', deleteRpc(store, access, 'delete'))
  add('streams.Streams/Tombstone', deleteRpc(store, access, 'tombstone'))
  const aboutGroups = { groups, access }
  const addForGroups = (name: string, handler: RpcHandler) =>
    add(`persistent_subscriptions.PersistentSubscriptions/${name}`, handler)
  addForGroups('Create', changeGroupRpc(aboutGroups, 'create'))
  addForGroups('Update', changeGroupRpc(aboutGroups, 'update'))
  addForGroups('Delete', deleteGroupRpc(aboutGroups))
  addForGroups('Read', persistentReadRpc(aboutGroups))
  addForGroups('GetInfo', groupInfoRpc(aboutGroups))
  addForGroups('List', listGroupsRpc(aboutGroups))
  addForGroups('ReplayParked', replayParkedRpc(aboutGroups))
  addForGroups('RestartSubsystem', restartGroupsRpc(aboutGroups))
  return routes
}

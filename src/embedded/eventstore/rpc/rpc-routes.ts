/** Which handler serves which path: the one list of everything the server can do. */
import type { EventStore } from '../streams/event-store.ts'
import type { RpcHandler } from '../transport/grpc-call.ts'
import { appendRpc } from './append-rpc.ts'
import { batchAppendRpc } from './batch-append-rpc.ts'
import { deleteRpc } from './delete-rpc.ts'
import { gossipRpc, type NodeIdentity } from './gossip-rpc.ts'
import { type MonitoringContext, statsRpc } from './monitoring-rpc.ts'
import {
  mergeIndexesRpc,
  type OperationsContext,
  resignNodeRpc,
  restartSubscriptionsRpc,
  setNodePriorityRpc,
  shutDownRpc,
  startScavengeRpc,
  stopScavengeRpc,
} from './operations-rpc.ts'
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
import {
  changePasswordRpc,
  createUserRpc,
  deleteUserRpc,
  resetPasswordRpc,
  setUserDisabledRpc,
  type UsersContext,
  updateUserRpc,
  userDetailsRpc,
} from './users-rpc.ts'

/** What handlers are built from. */
export interface RpcContext extends OperationsContext, UsersContext, MonitoringContext {
  readonly store: EventStore
  readonly node: NodeIdentity
}

type Add = (name: string, handler: RpcHandler) => void

/** Handlers by path. A service of its own adds its lines here and nowhere else. */
export function rpcRoutes(context: RpcContext): ReadonlyMap<string, RpcHandler> {
  const routes = new Map<string, RpcHandler>()
  const add: Add = (name, handler) => routes.set(`/event_store.client.${name}`, handler)
  add(
    'server_features.ServerFeatures/GetSupportedMethods',
    serverFeaturesRpc(() => routes.keys()),
  )
  add('gossip.Gossip/Read', gossipRpc(context.node))
  add('monitoring.Monitoring/Stats', statsRpc(context))
  addStreams(add, context)
  addGroups(add, context)
  addOperations(add, context)
  addUsers(add, context)
  return routes
}

function addStreams(add: Add, { store, access }: RpcContext): void {
  add('streams.Streams/Read', readRpc(store, access))
  add('streams.Streams/Append', appendRpc(store, access))
  add('streams.Streams/BatchAppend', batchAppendRpc(store, access))
  add('streams.Streams/Delete', deleteRpc(store, access, 'delete'))
  add('streams.Streams/Tombstone', deleteRpc(store, access, 'tombstone'))
}

function addGroups(add: Add, context: RpcContext): void {
  const addForGroups: Add = (name, handler) => add(`persistent_subscriptions.PersistentSubscriptions/${name}`, handler)
  addForGroups('Create', changeGroupRpc(context, 'create'))
  addForGroups('Update', changeGroupRpc(context, 'update'))
  addForGroups('Delete', deleteGroupRpc(context))
  addForGroups('Read', persistentReadRpc(context))
  addForGroups('GetInfo', groupInfoRpc(context))
  addForGroups('List', listGroupsRpc(context))
  addForGroups('ReplayParked', replayParkedRpc(context))
  addForGroups('RestartSubsystem', restartGroupsRpc(context))
}

function addOperations(add: Add, context: RpcContext): void {
  const addForOperators: Add = (name, handler) => add(`operations.Operations/${name}`, handler)
  addForOperators('StartScavenge', startScavengeRpc(context))
  addForOperators('StopScavenge', stopScavengeRpc(context))
  addForOperators('Shutdown', shutDownRpc(context))
  addForOperators('MergeIndexes', mergeIndexesRpc(context))
  addForOperators('ResignNode', resignNodeRpc(context))
  addForOperators('SetNodePriority', setNodePriorityRpc(context))
  addForOperators('RestartPersistentSubscriptions', restartSubscriptionsRpc(context))
}

function addUsers(add: Add, context: RpcContext): void {
  const addForUsers: Add = (name, handler) => add(`users.Users/${name}`, handler)
  addForUsers('Create', createUserRpc(context))
  addForUsers('Update', updateUserRpc(context))
  addForUsers('Delete', deleteUserRpc(context))
  addForUsers('Disable', setUserDisabledRpc(context, true))
  addForUsers('Enable', setUserDisabledRpc(context, false))
  addForUsers('Details', userDetailsRpc(context))
  addForUsers('ChangePassword', changePasswordRpc(context))
  addForUsers('ResetPassword', resetPasswordRpc(context))
}

/** PersistentSubscriptions except Read: groups are made, changed, removed, described, and their parked messages replayed. */
import type { AccessControl } from '../access/access-control.ts'
import type { GroupOutcome, GroupRegistry } from '../groups/group-registry.ts'
import type { GroupKey } from '../groups/group-settings.ts'
import type { SubscriptionGroup } from '../groups/subscription-group.ts'
import { encodeGroupInfos } from '../protocol/group-info-message.ts'
import {
  decodeGroupRequest,
  decodeListRequest,
  decodeReplayRequest,
  decodeTarget,
  EMPTY_MESSAGE,
  type GroupTarget,
} from '../protocol/persistent-messages.ts'
import { UnusableFilter } from '../streams/event-filter.ts'
import { ALL, isValidStreamName } from '../streams/stream-names.ts'
import type { GrpcCall, RpcHandler } from '../transport/grpc-call.ts'
import { groupExists, groupFailed, groupMissing } from './persistent-failures.ts'
import { badRequest, storeFailed } from './rpc-failures.ts'

/** What handlers of groups are built from. */
export interface GroupsContext {
  readonly groups: GroupRegistry
  readonly access: AccessControl
}

/** Who a call is made by, as groups show it: somebody nobody asks for a name is the system itself. */
export function nameOf({ principal }: GrpcCall): string {
  return principal.name ?? 'system'
}

export function changeGroupRpc({ groups, access }: GroupsContext, how: 'create' | 'update'): RpcHandler {
  return async (call) => {
    const request = decodeGroupRequest(await call.request())
    access.authorizeNode(call.principal, `subscriptions/${how}`)
    if (request.stream === ALL && !request.isOnAll) throw badRequest(`${ALL} is not a stream`)
    if (!isValidStreamName(request.stream)) throw badRequest(`'${request.stream}' is not a stream's name`)
    answer(call, request, await durable(groups[how](request, nameOf(call))))
  }
}

export function deleteGroupRpc({ groups, access }: GroupsContext): RpcHandler {
  return async (call) => {
    const key = keyOf(decodeTarget(await call.request(), 'delete'))
    access.authorizeNode(call.principal, 'subscriptions/delete')
    answer(call, key, await durable(groups.delete(key, nameOf(call))))
  }
}

export function groupInfoRpc({ groups, access }: GroupsContext): RpcHandler {
  return async (call) => {
    const key = keyOf(decodeTarget(await call.request(), 'info'))
    access.authorizeNode(call.principal, 'subscriptions/info')
    call.end(encodeGroupInfos([existing(groups, key)], Date.now()))
  }
}

export function listGroupsRpc({ groups, access }: GroupsContext): RpcHandler {
  return async (call) => {
    const stream = decodeListRequest(await call.request())
    access.authorizeNode(call.principal, 'subscriptions/list')
    const listed = groups.list(stream)
    if (stream !== undefined && listed.length === 0) throw groupMissing({ stream, group: '' })
    call.end(encodeGroupInfos(listed, Date.now()))
  }
}

export function replayParkedRpc({ groups, access }: GroupsContext): RpcHandler {
  return async (call) => {
    const { stopAt, ...target } = decodeReplayRequest(await call.request())
    const key = keyOf(target)
    access.authorizeNode(call.principal, 'subscriptions/replay')
    const group = existing(groups, key)
    if (stopAt !== undefined && stopAt < 0) throw groupFailed(key, 'cannot stop at a negative number')
    await durable(group.replayParked(stopAt))
    call.end(EMPTY_MESSAGE)
  }
}

export function restartGroupsRpc({ groups, access }: GroupsContext): RpcHandler {
  return async (call) => {
    await call.request()
    access.authorizeNode(call.principal, 'subscriptions/restart')
    groups.restart()
    call.end(EMPTY_MESSAGE)
  }
}

function keyOf({ stream, group }: GroupTarget): GroupKey {
  if (stream === undefined) throw badRequest('neither a stream nor everything is named')
  return { stream, group }
}

function existing(groups: GroupRegistry, key: GroupKey): SubscriptionGroup {
  const group = groups.find(key)
  if (!group) throw groupMissing(key)
  return group
}

function answer(call: GrpcCall, key: GroupKey, outcome: GroupOutcome): void {
  if (outcome.kind === 'exists') throw groupExists(key)
  if (outcome.kind === 'missing') throw groupMissing(key)
  if (outcome.kind === 'refused') throw groupFailed(key, outcome.reason)
  call.end(EMPTY_MESSAGE)
}

/** Whatever else goes wrong, the log could not be written. */
async function durable<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (error instanceof UnusableFilter) throw badRequest(`unusable filter: ${error.message}`)
    throw storeFailed()
  }
}

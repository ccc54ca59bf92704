/** PersistentSubscriptions/Read: a consumer joins a group, gets events, and answers for each of them. */
import type { ConsumerPort, GroupConsumer } from '../groups/group-consumer.ts'
import type { GroupRegistry } from '../groups/group-registry.ts'
import type { GroupKey } from '../groups/group-settings.ts'
import type { NackAction, SubscriptionGroup } from '../groups/subscription-group.ts'
import {
  type ConsumerMessage,
  decodeConsumerMessage,
  encodeGroupConfirmation,
  NACK,
} from '../protocol/persistent-messages.ts'
import { encodeEventFrames } from '../protocol/read-messages.ts'
import { isMetastream } from '../streams/stream-metadata.ts'
import type { GrpcCall, RpcHandler } from '../transport/grpc-call.ts'
import { groupDropped, groupFull, groupMissing } from './persistent-failures.ts'
import { type GroupsContext, nameOf } from './persistent-groups-rpc.ts'
import { badRequest } from './rpc-failures.ts'

type Connect = Extract<ConsumerMessage, { kind: 'connect' }>

export function persistentReadRpc({ groups, access }: GroupsContext): RpcHandler {
  return (call) => {
    let member: Membership | undefined
    call.onMessage(
      (bytes) => {
        const message = decodeConsumerMessage(bytes)
        if (message.kind !== 'connect') {
          if (!member) throw badRequest('a consumer must connect before it answers')
          return member.hear(message)
        }
        if (member) throw badRequest('a consumer connects once')
        access.authorizeNode(call.principal, 'subscriptions/process')
        access.authorizeStream(call.principal, isMetastream(message.stream) ? 'read-metadata' : 'read', message.stream)
        member = new Membership(call, groups, message)
      },
      () => call.end(),
    )
  }
}

/** A consumer's time in a group, which ends with its call. */
class Membership {
  readonly #group: SubscriptionGroup
  readonly #consumer: GroupConsumer

  constructor(call: GrpcCall, groups: GroupRegistry, wish: Connect) {
    const group = groups.find(wish)
    if (!group) throw groupMissing(wish)
    if (wish.slots < 0) throw badRequest('a buffer cannot be smaller than nothing')
    if (group.isFull) throw groupFull(wish)
    call.send(encodeGroupConfirmation(`${wish.stream}::${wish.group}`))
    const consumer = group.join({
      port: portOf(call, wish, wish.isStructuredId),
      slots: wish.slots,
      username: nameOf(call),
      connectionName: String(call.headers['connection-name'] ?? ''),
    })
    call.onClose(() => group.leave(consumer))
    this.#group = group
    this.#consumer = consumer
  }

  hear(message: Exclude<ConsumerMessage, Connect>): void {
    if (message.kind === 'ack') this.#group.ack(this.#consumer, message.ids)
    else this.#group.nack(this.#consumer, message.ids, actionOf(message.action), message.reason)
  }
}

function portOf(call: GrpcCall, key: GroupKey, isStructuredId: boolean): ConsumerPort {
  return {
    send: (events) => call.sendFrames(encodeEventFrames(events, isStructuredId)),
    writable: () => call.writable(),
    drop: () => call.fail(groupDropped(key)),
  }
}

/** To stop is to skip; who does not know what to do tries again. */
function actionOf(action: number): NackAction {
  if (action === NACK.park) return 'park'
  return action === NACK.skip || action === NACK.stop ? 'skip' : 'retry'
}

/** Answers a subscription with frames made beforehand: the most that any server could give the client. */
import { randomUUID } from 'node:crypto'
import { openAccess } from '../src/embedded/eventstore/access/access-control.ts'
import { encodeConfirmation, encodeEventFrames } from '../src/embedded/eventstore/protocol/read-messages.ts'
import { encodeRecordedEvent, POSITION_STEP } from '../src/embedded/eventstore/protocol/recorded-event.ts'
import { serverFeaturesRpc } from '../src/embedded/eventstore/rpc/server-features-rpc.ts'
import { silentLogger } from '../src/embedded/eventstore/store-logger.ts'
import type { RpcHandler } from '../src/embedded/eventstore/transport/grpc-call.ts'
import { GrpcServer } from '../src/embedded/eventstore/transport/grpc-server.ts'
import { listenOnPort, type PortListener } from '../src/embedded/eventstore/transport/port-listener.ts'

const SLICE = 256

/** Serves `count` events like those of the loads, whoever asks for whatever. */
export function startCanned(count: number, data: object): Promise<PortListener> {
  const slices = cannedSlices(count, data)
  const read: RpcHandler = async (call) => {
    await call.request()
    call.send(encodeConfirmation(randomUUID()))
    for (const slice of slices) {
      call.sendFrames(slice)
      if (!(await call.writable())) return
    }
  }
  const path = '/event_store.client.streams.Streams/Read'
  const features = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods'
  const routes = new Map<string, RpcHandler>([
    [path, read],
    [features, serverFeaturesRpc(() => [path])],
  ])
  const grpc = new GrpcServer({ routes, access: openAccess, logger: silentLogger })
  return listenOnPort({ host: '127.0.0.1', port: 0, grpc, http1: (_request, response) => response.end() })
}

function cannedSlices(count: number, data: object): Buffer[] {
  const bytes = Buffer.from(JSON.stringify(data))
  const event = { id: randomUUID(), type: 'measured', isJson: true, data: bytes, metadata: Buffer.alloc(0) }
  const slices: Buffer[] = []
  for (let from = 0; from < count; from += SLICE) {
    const events = Array.from({ length: Math.min(SLICE, count - from) }, (_, index) => {
      const at = { stream: 'bench-canned', revision: from + index, position: from + index, createdMs: Date.now() }
      return { event: encodeRecordedEvent(event, at), link: undefined, position: at.position * POSITION_STEP }
    })
    slices.push(encodeEventFrames(events, false))
  }
  return slices
}

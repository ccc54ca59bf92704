/** What operators see of the API: requests, sockets and frames, without a single personal label. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface ApiMetrics {
  readonly registry: Registry
  readonly requestSeconds: Histogram<'method' | 'route' | 'status'>
  readonly socketsOpen: Gauge
  readonly socketsClosed: Counter<'code'>
  readonly framesReceived: Counter<'type'>
  readonly framesSent: Counter<'type'>
}

/** Collects into the given registry, or into a new one that also holds the process's own metrics. */
export function createApiMetrics(given?: Registry): ApiMetrics {
  const registry = given ?? new Registry()
  if (given === undefined) collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'emberlog_http_request_seconds',
      help: 'Time from request to answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    socketsOpen: new Gauge({ name: 'emberlog_sockets_open', help: 'Chat sockets open now.', registers }),
    socketsClosed: new Counter({
      name: 'emberlog_sockets_closed_total',
      help: 'Chat sockets closed, by close code.',
      labelNames: ['code'],
      registers,
    }),
    framesReceived: new Counter({
      name: 'emberlog_frames_received_total',
      help: 'Frames from clients, by type; `invalid` for what is none.',
      labelNames: ['type'],
      registers,
    }),
    framesSent: new Counter({
      name: 'emberlog_frames_sent_total',
      help: 'Frames to clients, by type.',
      labelNames: ['type'],
      registers,
    }),
  }
}

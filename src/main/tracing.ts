/** Follows one exchange through the parts it passes, as OpenTelemetry spans; says who, where and how long, never what was said. */
import { type Attributes, context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { LanguageModel, ModelPart } from '../agents/language-model.ts'
import type { CommandHandler } from '../commands/command-handler.ts'
import type { ConversationGateway, Request } from '../commands/conversation-gateway.ts'
import { isFault, isRefusal } from '../shared/failures.ts'
import type { EventStore, WorkQueue } from '../store/event-store.ts'

/** Gives each part back, watched; without an endpoint just as it is. */
export interface Tracing {
  readonly store: <Store extends EventStore & WorkQueue>(store: Store) => Store
  readonly handler: <State, Command>(handler: CommandHandler<State, Command>) => CommandHandler<State, Command>
  readonly gateway: (gateway: ConversationGateway) => ConversationGateway
  readonly model: (model: LanguageModel) => LanguageModel
  /** Sends what is left, bounded by the exporter's own time. */
  readonly stop: () => Promise<void>
}

const untraced: Tracing = {
  store: (store) => store,
  handler: (handler) => handler,
  gateway: (gateway) => gateway,
  model: (model) => model,
  stop: async () => {},
}

const EXPORT_MS_MAX = 5_000
/** Spans that wait to be sent; past it new ones are dropped, never waited for. */
const WAITING_SPANS_MAX = 4_096

/** `endpoint` is the base address of an OTLP receiver over HTTP. Loads what it needs only when there is one. */
export async function startTracing(endpoint: string | undefined): Promise<Tracing> {
  if (endpoint === undefined) return untraced
  const [
    { BatchSpanProcessor, TracerProvider },
    { OTLPTraceExporter },
    { AsyncLocalStorageContextManager },
    resources,
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/resources'),
  ])
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_MS_MAX,
  })
  const provider = new TracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': 'emberlog' }),
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: WAITING_SPANS_MAX })],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  return traced(() => provider.shutdown())
}

function traced(stop: () => Promise<void>): Tracing {
  return {
    store: (store) => ({
      ...store,
      append: (stream, events, expected) =>
        inSpan({ name: `append to ${categoryOf(stream)}`, kind: SpanKind.CLIENT }, async (span) => {
          span.setAttributes({ 'emberlog.stream': stream, 'emberlog.event_count': events.length })
          return await store.append(stream, events, expected)
        }),
      consume: (work) =>
        store.consume({
          ...work,
          handle: (event) => {
            const attributes = { 'emberlog.stream': event.stream, 'emberlog.position': String(event.position) }
            const parent = traceparentOf(event.metadata)
            return inSpan({ name: `handle ${event.type}`, kind: SpanKind.CONSUMER, attributes, parent }, () =>
              work.handle(event),
            )
          },
        }),
    }),
    handler: (handler) => ({
      ...handler,
      handle: (stream, command, given) =>
        handler.handle(stream, command, { ...given, ...activeTraceparent(given.traceparent) }),
    }),
    gateway: tracedGateway,
    model: (model) => ({ ...model, stream: (request, signal) => streamInSpan(model, request, signal) }),
    stop,
  }
}

function tracedGateway(gateway: ConversationGateway): ConversationGateway {
  const wishes = Object.entries(gateway).map(([name, wish]: [string, (...given: never[]) => unknown]) => [
    name,
    (request: Request, ...rest: unknown[]) =>
      inSpan({ name: `command ${name}`, kind: SpanKind.SERVER, parent: request.traceparent }, async (span) => {
        const outcome = await wish(...([{ ...request, ...activeTraceparent(undefined) }, ...rest] as never[]))
        if (isRefusal(outcome)) span.setAttribute('emberlog.refusal', outcome.code)
        return outcome
      }),
  ])
  return Object.fromEntries(wishes)
}

async function* streamInSpan(
  model: LanguageModel,
  ...given: Parameters<LanguageModel['stream']>
): AsyncGenerator<ModelPart> {
  const { provider, id } = model
  const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': provider, 'gen_ai.request.model': id }
  const span = tracer().startSpan(`chat ${id}`, { kind: SpanKind.CLIENT, attributes })
  try {
    for await (const part of model.stream(...given)) {
      if (part.type === 'finish') span.setAttributes(usageOf(part))
      yield part
    }
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: codeOf(error) })
    throw error
  } finally {
    span.end()
  }
}

function usageOf({ finishReason, usage }: Extract<ModelPart, { type: 'finish' }>): Attributes {
  return {
    'gen_ai.response.finish_reasons': [finishReason],
    'gen_ai.usage.input_tokens': usage.inputTokens,
    'gen_ai.usage.output_tokens': usage.outputTokens,
  }
}

interface SpanOptions {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes?: Attributes
  /** A W3C `traceparent` from elsewhere; left out, the span belongs to what is under way here. */
  readonly parent?: string | undefined
}

/** Failures are told by their code: a message may hold what somebody wrote. */
async function inSpan<Value>(
  { name, kind, attributes = {}, parent }: SpanOptions,
  work: (span: Span) => Promise<Value>,
): Promise<Value> {
  const around = parent === undefined ? context.active() : remoteContext(parent)
  return await tracer().startActiveSpan(name, { kind, attributes }, around, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: codeOf(error) })
      throw error
    } finally {
      span.end()
    }
  })
}

function tracer() {
  return trace.getTracer('emberlog')
}

/** Source: W3C Trace Context, version 00. */
function remoteContext(traceparent: string) {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined) return context.active()
  const traceFlags = Number.parseInt(flags ?? '0', 16)
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** What the record keeps of the span under way, so that the answer, on whichever node, belongs to the same trace. */
function activeTraceparent(otherwise: string | undefined): { traceparent?: string } {
  const active = trace.getActiveSpan()?.spanContext()
  if (active === undefined) return otherwise === undefined ? {} : { traceparent: otherwise }
  const flags = active.traceFlags.toString(16).padStart(2, '0')
  return { traceparent: `00-${active.traceId}-${active.spanId}-${flags}` }
}

function traceparentOf(metadata: unknown): string | undefined {
  const { traceparent } = (metadata ?? {}) as { traceparent?: unknown }
  return typeof traceparent === 'string' ? traceparent : undefined
}

function codeOf(error: unknown): string {
  return isFault(error) ? error.code : error instanceof Error ? error.name : 'unknown'
}

function categoryOf(stream: string): string {
  return stream.split('-', 1)[0] ?? stream
}

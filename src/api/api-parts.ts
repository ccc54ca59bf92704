/** What the API is built from: ports that `main` fills, and settings. Nothing else reaches it. */
import type { Registry } from 'prom-client'
import type { AgentName } from '../agents/agent-name.ts'
import type { AuditDesk } from '../audit/audit-desk.ts'
import type { RecordLook } from '../commands/access-recorder.ts'
import type { AttachmentRecord } from '../commands/attachment-record.ts'
import type { ConversationGateway } from '../commands/conversation-gateway.ts'
import type { UserGateway } from '../commands/user-gateway.ts'
import type { Intent } from '../events/conversation-events.ts'
import type { AnalyticsQueries } from '../projections/analytics/analytics-queries.ts'
import type { MessageSearch } from '../projections/message-search.ts'
import type { ProfileQueries } from '../projections/profile-queries.ts'
import type { ProjectQueries } from '../projections/project-queries.ts'
import type { ConversationQueries } from '../projections/query-types.ts'
import type { RoutingDecision } from '../routing/routing-decision.ts'
import type { Clock } from '../shared/clock.ts'
import type { Refusal } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import type { ApiLimits } from './api-limits.ts'
import type { LiveConversations } from './live-conversations.ts'
import type { SessionMarks } from './session-marks.ts'

export interface ApiParts {
  readonly gateway: ConversationGateway
  readonly userGateway: UserGateway
  readonly belongings: Belongings
  readonly attachments: Pick<AttachmentRecord, 'read'>
  readonly queries: ConversationQueries
  readonly search: MessageSearch['search']
  readonly analytics: AnalyticsQueries
  readonly live: LiveConversations
  readonly sessionMarks: SessionMarks
  readonly privacy: PrivacyDoor
  readonly previewRouting: PreviewRouting
  readonly audit: AuditDesk
  /** Records a look at somebody's record before it is granted. */
  readonly recordAccess: RecordLook
  readonly readiness: () => readonly ReadinessPart[]
  readonly operations: () => Promise<OperationsView>
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: ApiSettings
  /** Where metrics are collected; `main` adds its own to the same one. Left out: a registry of the API's own. */
  readonly metrics?: Registry
}

/** What people may do about their own record. */
export interface PrivacyDoor {
  readonly erasure: {
    /** Notes the wish to erase a person; the same wish again is the one under way. Refuses `legal-hold`. */
    readonly request: (wish: {
      readonly receiptId: string
      readonly person: string
      readonly requestedBy: string
      readonly reason: string
    }) => Promise<ErasureState | Refusal>
    readonly finish: (receiptId: string) => Promise<unknown>
    readonly find: (receiptId: string) => Promise<ErasureState | undefined>
  }
  /** The bytes of a ZIP archive, as they are made. */
  readonly exportOf: (person: string) => AsyncIterable<Uint8Array>
}

export interface ErasureState {
  readonly receiptId: string
  readonly step: string
  /** Signed; null until it is done. */
  readonly receipt: unknown
}

/** What a person may read of what belongs to them. */
export interface Belongings {
  readonly facts: ProfileQueries['facts']
  readonly projects: ProjectQueries['list']
}

export interface ApiSettings {
  readonly auth: DevelopmentAuth | OidcAuth
  /** 32 bytes that all nodes share; seals connection tokens. */
  readonly nodesKey: Uint8Array
  /** Origins besides the server's own that may open sockets, exactly as browsers send them: `https://chat.example.org`. */
  readonly allowedOrigins: readonly string[]
  /** Believe `X-Forwarded-*` of a proxy in front; only where there is one. */
  readonly isBehindProxy: boolean
  readonly limits: ApiLimits
}

/** People sign in by naming themselves; for laptops and tests. */
export interface DevelopmentAuth {
  readonly mode: 'development'
  /** At least 32 bytes; signs the access tokens (HS256). */
  readonly jwtSecret: string
}

export interface OidcAuth {
  readonly mode: 'oidc'
  readonly issuer: string
  readonly audience: string
}

/** What operators see of the read side at a glance. */
export interface OperationsView {
  readonly generations: readonly {
    readonly number: number
    readonly state: string
    readonly projectorsVersion: number
    /** The last position handled; -1 before the first. */
    readonly position: bigint
    readonly eventCount: bigint
    readonly createdAt: Date
  }[]
  /** Streams with events that could not become rows, the longest waiting first. */
  readonly parked: readonly {
    readonly generation: number
    readonly stream: string
    readonly events: bigint
    readonly firstPosition: bigint
    readonly firstType: string
    readonly reason: string
  }[]
  /** The shares of this process's connection budget. */
  readonly connections: readonly {
    readonly name: string
    readonly connectionsMax: number
    readonly inUse: number
    readonly idle: number
    readonly waiting: number
  }[]
}

/** Something the process needs in order to serve. */
export interface ReadinessPart {
  readonly name: string
  readonly isReady: boolean
  /** Plain words, such as `catching up, 1200 events behind`. */
  readonly detail: string
}

/** The decision the router would take; pure, nothing is recorded. */
export type PreviewRouting = (input: RoutingQuestion) => RoutingDecision

export interface RoutingQuestion {
  readonly text: string
  readonly history: readonly {
    readonly role: 'user' | 'assistant'
    readonly text: string
    readonly agent?: AgentName
  }[]
  /** What the person chose; the guard still comes first. */
  readonly override?: Intent
}

/** Turns plain wishes about a person's facts and projects into commands on that person's stream. */
import type { Actor } from '../events/envelope.ts'
import { factIdOf, userStream } from '../events/stream-names.ts'
import { isRefusal, type Refusal } from '../shared/failures.ts'
import { mintId, type Position } from '../shared/ids.ts'
import type { CommandHandler } from './command-handler.ts'
import type { ProjectDescription, UserCommand } from './user-commands.ts'
import {
  type Belongings,
  type BelongingsEvent,
  type Fact,
  type Project,
  projectOfConversation,
} from './user-decider.ts'

/** A person's own wish, made outside a conversation. */
export interface OwnWish {
  readonly ownerId: string
  /** Left out: every call is a wish of its own. */
  readonly commandId?: string
  readonly traceparent?: string
}

/** The turn in which an agent acts for a person: what it does twice in one turn is done once. */
export interface TurnSource {
  readonly ownerId: string
  readonly conversationId: string
  readonly turnId: string
  /** Who acts, e.g. `profile`. */
  readonly agent: string
}

export interface StatedFactWish {
  readonly kind: string
  readonly value: string
  /** In UTF-16 code units of the person's message. */
  readonly span: { readonly from: number; readonly to: number }
}

export interface UserAccepted {
  readonly kind: 'accepted'
  readonly position: Position
}

export interface UserGateway {
  /** `isNew` is false when an earlier turn noted it; then `fact` is that one. Undefined when the person took it back meanwhile.
   * Refuses: fact-blank, fact-too-long, text-not-storable, too-many-facts. */
  readonly noteFact: (
    source: TurnSource,
    wish: StatedFactWish,
  ) => Promise<(UserAccepted & { readonly fact: Fact | undefined; readonly isNew: boolean }) | Refusal>
  /** Refuses: fact-unknown. */
  readonly removeFact: (wish: OwnWish, factId: string) => Promise<UserAccepted | Refusal>
  /**
   * Removes the facts that `isMeant` picks of those that stand, at most `max`, and returns them; a turn that is handled again is
   * told the same and removes nothing more.
   */
  readonly removeFacts: (
    source: TurnSource,
    isMeant: (fact: Fact) => boolean,
    max: number,
  ) => Promise<{ readonly removed: readonly Fact[]; readonly remaining: number } | Refusal>
  /** Refuses: title-blank, title-too-long, project-link-invalid, project-note-blank, project-note-too-long, too-many-projects, too-many-project-notes, text-not-storable. */
  readonly describeProject: (
    source: TurnSource,
    said: Omit<ProjectDescription, 'ownerId' | 'conversationId' | 'turnId'>,
  ) => Promise<(UserAccepted & { readonly project: Project | undefined }) | Refusal>
  /** Refuses: project-unknown, project-shared. */
  readonly stateOwnership: (
    wish: OwnWish,
    projectId: string,
    ownership: 'own' | 'reference',
  ) => Promise<UserAccepted | Refusal>
  /** Refuses: project-unknown, title-blank, title-too-long, text-not-storable. */
  readonly renameProject: (wish: OwnWish, projectId: string, title: string) => Promise<UserAccepted | Refusal>
  /** Refuses: project-unknown, project-not-own. */
  readonly shareProject: (wish: OwnWish, projectId: string) => Promise<UserAccepted | Refusal>
  readonly unshareProject: (wish: OwnWish, projectId: string) => Promise<UserAccepted | Refusal>
  readonly removeProject: (wish: OwnWish, projectId: string) => Promise<UserAccepted | Refusal>
  /** The facts that stand, oldest first. */
  readonly facts: (ownerId: string) => Promise<readonly Fact[]>
  /** The project a conversation is about; undefined when it has drafted none. */
  readonly projectOf: (source: Pick<TurnSource, 'ownerId' | 'conversationId'>) => Promise<Project | undefined>
}

export type UserCommandHandler = CommandHandler<Belongings, UserCommand>

/** For the command handler: whose record a person's stream is. */
export function personOfBelongings(_state: Belongings, [first]: readonly BelongingsEvent[]): string | undefined {
  return first !== undefined && 'ownerId' in first.data ? first.data.ownerId : undefined
}

export function createUserGateway(handler: UserCommandHandler): UserGateway {
  return {
    async noteFact(source, { kind, value, span }) {
      const { ownerId, turnId, conversationId } = source
      const factId = factIdOf(turnId, span)
      const place = { sourceTurnId: turnId, sourceConversationId: conversationId, span }
      const command: UserCommand = { type: 'NoteProfileFact', data: { ownerId, factId, kind, value, ...place } }
      const outcome = await inTurn(source, command, factId)
      if (isRefusal(outcome)) return outcome
      const facts = [...(await handler.load(userStream(ownerId))).facts.values()]
      const fact =
        facts.find((one) => one.factId === factId) ??
        facts.find((one) => one.kind === kind && one.value.toLowerCase() === value.toLowerCase())
      // A turn that is handled again is told the same: what it noted itself is news to it.
      return { kind: 'accepted', position: outcome.position, fact, isNew: fact?.factId === factId }
    },

    removeFact: (wish, factId) => own(wish, { type: 'RemoveProfileFact', data: { ownerId: wish.ownerId, factId } }),

    async removeFacts(source, isMeant, max) {
      const { ownerId, turnId } = source
      const { facts: standing } = await handler.load(userStream(ownerId))
      const factIds = [...standing.values()]
        .filter(isMeant)
        .slice(0, max)
        .map(({ factId }) => factId)
      const outcome = await inTurn(source, { type: 'RemoveProfileFacts', data: { ownerId, turnId, factIds } }, turnId)
      if (isRefusal(outcome)) return outcome
      const { facts, removedInTurn } = await handler.load(userStream(ownerId))
      return { removed: removedInTurn.get(turnId) ?? [], remaining: facts.size }
    },

    async describeProject(source, said) {
      const { ownerId, turnId, conversationId } = source
      const command: UserCommand = { type: 'DescribeProject', data: { ownerId, turnId, conversationId, ...said } }
      const outcome = await inTurn(source, command, turnId)
      if (isRefusal(outcome)) return outcome
      const state = await handler.load(userStream(ownerId))
      const projectId = state.projectOfTurn.get(turnId)
      const project =
        projectId === undefined ? projectOfConversation(state, conversationId) : state.projects.get(projectId)
      return { kind: 'accepted', position: outcome.position, project }
    },

    stateOwnership: (wish, projectId, ownership) =>
      own(wish, {
        type: 'StateProjectOwnership',
        data: { ownerId: wish.ownerId, projectId, ownership, sourceTurnId: null },
      }),
    renameProject: (wish, projectId, title) =>
      own(wish, { type: 'RenameProject', data: { ownerId: wish.ownerId, projectId, title } }),
    shareProject: (wish, projectId) => own(wish, { type: 'ShareProject', data: { ownerId: wish.ownerId, projectId } }),
    unshareProject: (wish, projectId) =>
      own(wish, { type: 'UnshareProject', data: { ownerId: wish.ownerId, projectId } }),
    removeProject: (wish, projectId) =>
      own(wish, { type: 'RemoveProject', data: { ownerId: wish.ownerId, projectId } }),

    facts: async (ownerId) => [...(await handler.load(userStream(ownerId))).facts.values()],
    projectOf: async ({ ownerId, conversationId }) =>
      projectOfConversation(await handler.load(userStream(ownerId)), conversationId),
  }

  function inTurn({ ownerId, turnId, agent }: TurnSource, command: UserCommand, name: string) {
    return handler.handle(userStream(ownerId), command, {
      commandId: `${command.type}:${name}`,
      actor: { kind: 'agent', id: agent },
      correlationId: turnId,
      causationId: turnId,
    })
  }

  async function own({ ownerId, commandId = mintId(), traceparent }: OwnWish, command: UserCommand) {
    const actor: Actor = { kind: 'user', id: ownerId }
    const outcome = await handler.handle(userStream(ownerId), command, {
      commandId,
      actor,
      correlationId: commandId,
      causationId: commandId,
      ...(traceparent === undefined ? {} : { traceparent }),
    })
    return isRefusal(outcome) ? outcome : ({ kind: 'accepted', position: outcome.position } as const)
  }
}

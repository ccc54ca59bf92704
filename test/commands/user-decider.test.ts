import { describe } from 'vitest'
import type { ProjectDescription, UserCommand } from '../../src/commands/user-commands.ts'
import { FACTS_MAX, PROJECT_NOTES_MAX, PROJECTS_MAX, userDecider } from '../../src/commands/user-decider.ts'
import { projectIdOf } from '../../src/events/stream-names.ts'
import * as the from '../support/examples.ts'
import { scenariosFor } from '../support/scenario.ts'

const scenario = scenariosFor(userDecider)

const note = (changes: Parameters<typeof the.noted>[0] = {}): UserCommand => ({
  type: 'NoteProfileFact',
  data: the.noted(changes).data,
})
const remove = (factId: string = the.noted().data.factId): UserCommand => ({
  type: 'RemoveProfileFact',
  data: { ownerId: the.ownerId, factId },
})
const forgettingTurn = '06fe32d7-f00f-50a9-9fe8-23726c841f26'
const removeInTurn = (...factIds: string[]): UserCommand => ({
  type: 'RemoveProfileFacts',
  data: { ownerId: the.ownerId, turnId: forgettingTurn, factIds },
})
const removedInTurn = (factId: string) => ({
  type: 'ProfileFactRemoved' as const,
  data: { ownerId: the.ownerId, factId, sourceTurnId: forgettingTurn },
})
const elsewhere = { span: { from: 40, to: 50 } }

describe('facts that a turn asks to forget', () => {
  const one = the.noted()
  const { factId } = one.data
  const other = the.noted({ value: 'chess', factId: '0197a0b0-0000-7000-8000-000000000099' })
  scenario('are removed, all at once')
    .given(one, other)
    .when(removeInTurn(factId, other.data.factId))
    .thenAdds(removedInTurn(factId), removedInTurn(other.data.factId))
  scenario('are no more than those of the first time, when it is handled again')
    .given(one, other, removedInTurn(factId))
    .when(removeInTurn(other.data.factId))
    .thenNothing()
  scenario('that do not stand are left out').given().when(removeInTurn(factId)).thenNothing()
})

describe('a fact', () => {
  scenario('is noted').given().when(note()).thenAdds(the.noted())
  scenario('is noted once, when its turn is handled again').given(the.noted()).when(note()).thenNothing()
  scenario('is no news when it was told before in other letters')
    .given(the.noted())
    .when(note({ ...elsewhere, value: 'Hiking' }))
    .thenNothing()
  scenario('of another kind is another fact')
    .given(the.noted())
    .when(note({ ...elsewhere, kind: 'goal' }))
    .thenAdds(the.noted({ ...elsewhere, kind: 'goal' }))
  scenario('that says nothing is refused')
    .given()
    .when(note({ value: ' \u200b' }))
    .thenRefused('fact-blank')
  scenario('that is too long is refused')
    .given()
    .when(note({ value: 'x'.repeat(201) }))
    .thenRefused('fact-too-long')
  scenario('that cannot be stored is refused')
    .given()
    .when(note({ value: 'a\0b' }))
    .thenRefused('text-not-storable')
  scenario('beyond the limit is refused')
    .given(...Array.from({ length: FACTS_MAX }, (_, from) => the.noted({ value: `v${from}`, span: { from, to: 99 } })))
    .when(note({ span: { from: 0, to: 7 } }))
    .thenRefused('too-many-facts')
  scenario('is removed').given(the.noted()).when(remove()).thenAdds(the.removed())
  scenario('is removed once').given(the.noted(), the.removed()).when(remove()).thenNothing()
  scenario('that was never noted cannot be removed').given().when(remove()).thenRefused('fact-unknown')
  scenario('stays removed when its turn is handled again').given(the.noted(), the.removed()).when(note()).thenNothing()
  scenario('can be stated anew in another turn')
    .given(the.noted(), the.removed())
    .when(note(elsewhere))
    .thenAdds(the.noted(elsewhere))
})

const link = 'https://github.com/facebookresearch/llama'

function describeProject(changes: Partial<ProjectDescription> = {}): UserCommand {
  const { ownerId, conversationId } = the
  const data = { ownerId, conversationId, turnId: the.turnOf('m1'), title: 'Handbook bot' }
  return { type: 'DescribeProject', data: { ...data, ...changes } }
}
const later = { turnId: the.turnOf('m2') }
const second = projectIdOf(later.turnId)
const draftedLink = () => the.drafted({ link, title: 'llama', ownership: 'unstated' })

describe('a description of a project', () => {
  scenario('drafts the first one of a conversation, as the person’s own')
    .given()
    .when(describeProject({ note: 'It answers questions' }))
    .thenAdds(the.drafted(), the.noteAdded())
  scenario('leaves open whose a link is')
    .given()
    .when(describeProject({ link, title: 'llama' }))
    .thenAdds(draftedLink())
  scenario('says whose a link is when the person does')
    .given()
    .when(describeProject({ link, ownership: 'reference' }))
    .thenAdds(the.drafted({ link, ownership: 'reference' }))
  scenario('is taken once, when its turn is handled again').given(the.drafted()).when(describeProject()).thenNothing()
  scenario('adds to the project that the conversation is about')
    .given(the.drafted())
    .when(describeProject({ ...later, title: 'Other words', note: 'For nurses' }))
    .thenAdds(the.noteAdded('For nurses', later.turnId))
  scenario('answers whose a link is, in the turn after the question')
    .given(draftedLink())
    .when(describeProject({ ...later, ownership: 'reference', note: 'not mine' }))
    .thenAdds(the.noteAdded('not mine', later.turnId), the.ownershipStated('reference', later.turnId))
  scenario('with another link drafts another project')
    .given(draftedLink())
    .when(describeProject({ ...later, link: `${link}2`, title: 'llama2' }))
    .thenAdds(
      the.drafted({
        ...{ projectId: second, sourceTurnId: later.turnId, link: `${link}2` },
        ...{ title: 'llama2', ownership: 'unstated' },
      }),
    )
  scenario('drafts another project when the person wants a new one')
    .given(the.drafted())
    .when(describeProject({ ...later, title: 'Poems', isNew: true }))
    .thenAdds(the.drafted({ projectId: second, sourceTurnId: later.turnId, title: 'Poems' }))
  scenario('of another conversation drafts another project')
    .given(the.drafted({ sourceConversationId: the.turnOf('x') }))
    .when(describeProject(later))
    .thenAdds(the.drafted({ projectId: second, sourceTurnId: later.turnId }))
  scenario('without anything new is no news').given(the.drafted()).when(describeProject(later)).thenNothing()
  for (const bad of ['javascript:alert(1)', 'https://', 'https://a b', `https://${'a'.repeat(2_000)}`]) {
    scenario(`with ${bad.slice(0, 20)} for a link is refused`)
      .given()
      .when(describeProject({ link: bad }))
      .thenRefused('project-link-invalid')
  }
  scenario('without a visible title is refused')
    .given()
    .when(describeProject({ title: ' ' }))
    .thenRefused('title-blank')
  scenario('with a blank note is refused')
    .given()
    .when(describeProject({ note: ' ' }))
    .thenRefused('project-note-blank')
  scenario('with a note that is too long is refused')
    .given()
    .when(describeProject({ note: 'x'.repeat(4_001) }))
    .thenRefused('project-note-too-long')
  scenario('beyond the notes of one project is refused')
    .given(
      the.drafted(),
      ...Array.from({ length: PROJECT_NOTES_MAX }, (_, n) => the.noteAdded('x', the.turnOf(`n${n}`))),
    )
    .when(describeProject({ ...later, note: 'one more' }))
    .thenRefused('too-many-project-notes')
  scenario('beyond the projects of one person is refused')
    .given(
      ...Array.from({ length: PROJECTS_MAX }, (_, n) => the.drafted({ projectId: projectIdOf(the.turnOf(`p${n}`)) })),
    )
    .when(describeProject({ ...later, isNew: true }))
    .thenRefused('too-many-projects')
})

const { ownerId, projectId } = the
const of = { ownerId, projectId }

describe('a project', () => {
  const state = (ownership: 'own' | 'reference'): UserCommand => ({
    type: 'StateProjectOwnership',
    data: { ...of, ownership, sourceTurnId: null },
  })
  scenario('is said to be the person’s own')
    .given(draftedLink())
    .when(state('own'))
    .thenAdds(the.ownershipStated('own'))
  scenario('is said so once').given(the.drafted()).when(state('own')).thenNothing()
  scenario('that is shared cannot become somebody else’s')
    .given(the.drafted(), the.shared())
    .when(state('reference'))
    .thenRefused('project-shared')
  scenario('that does not exist is nobody’s').given().when(state('own')).thenRefused('project-unknown')

  const rename = (title = 'Answers'): UserCommand => ({ type: 'RenameProject', data: { ...of, title } })
  scenario('is renamed').given(the.drafted()).when(rename()).thenAdds(the.projectRenamed())
  scenario('is renamed once').given(the.drafted(), the.projectRenamed()).when(rename()).thenNothing()
  scenario('needs a visible name').given(the.drafted()).when(rename(' ')).thenRefused('title-blank')
  scenario('that does not exist cannot be renamed').given().when(rename()).thenRefused('project-unknown')

  const share: UserCommand = { type: 'ShareProject', data: of }
  scenario('is shared').given(the.drafted()).when(share).thenAdds(the.shared())
  scenario('is shared once').given(the.drafted(), the.shared()).when(share).thenNothing()
  scenario('that is kept for reference cannot be shared')
    .given(the.drafted({ ownership: 'reference' }))
    .when(share)
    .thenRefused('project-not-own')
  scenario('that may be somebody else’s cannot be shared')
    .given(draftedLink())
    .when(share)
    .thenRefused('project-not-own')
  scenario('that does not exist cannot be shared').given().when(share).thenRefused('project-unknown')

  const unshare: UserCommand = { type: 'UnshareProject', data: of }
  scenario('is shared no more').given(the.drafted(), the.shared()).when(unshare).thenAdds(the.unshared())
  scenario('that is not shared stays so').given(the.drafted()).when(unshare).thenNothing()
  scenario('that does not exist cannot be unshared').given().when(unshare).thenRefused('project-unknown')

  const removal: UserCommand = { type: 'RemoveProject', data: of }
  scenario('is removed, shared or not').given(the.drafted(), the.shared()).when(removal).thenAdds(the.projectRemoved())
  scenario('is removed once').given(the.drafted(), the.projectRemoved()).when(removal).thenNothing()
  scenario('that does not exist cannot be removed').given().when(removal).thenRefused('project-unknown')
  scenario('that is removed takes no more notes, and its turn drafts it no more')
    .given(the.drafted(), the.projectRemoved())
    .when(describeProject({ note: 'x' }))
    .thenNothing()
})

describe('what belongs to a person', () => {
  scenario('is gone when the person is erased')
    .given(the.noted(), the.drafted(), {
      type: 'PersonErased',
      data: { subjectId: ownerId, keyId: null, requestedBy: ownerId, reason: 'their wish' },
    })
    .when(remove())
    .thenRefused('fact-unknown')
})

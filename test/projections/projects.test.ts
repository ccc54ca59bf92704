import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ProjectEvent } from '../../src/events/project-events.ts'
import { projectIdOf } from '../../src/events/stream-names.ts'
import type { Database } from '../../src/projections/database.ts'
import { createProjectQueries } from '../../src/projections/project-queries.ts'
import {
  conversationId,
  drafted,
  noteAdded,
  ownerId,
  ownershipStated,
  personStream,
  projectId,
  projectRemoved,
  projectRenamed,
  shared,
  started,
  turnOf,
  unshared,
} from '../support/examples.ts'
import { digest, emptyReadModels, handleBatches, rowsOf } from './support/projection.ts'
import { positionOf, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
})
afterAll(() => postgres.stop())
beforeEach(() => emptyReadModels(database))

const second = (index: number) => new Date(Date.parse('2026-11-23T19:00:00.000Z') + index * 1_000)
const link = 'https://github.com/facebookresearch/llama'

/** Given these events of a person, the row of the project contains this. */
function scenario(title: string) {
  return {
    given: (...events: ProjectEvent[]) => ({
      thenRow: (expected: Record<string, unknown>) =>
        test(title, async () => {
          const record = new TestRecord()
          record.append(events, personStream)
          await handleBatches(database, [record.events])
          expect(await rowsOf(database, 'project')).toMatchObject([expected])
        }),
    }),
  }
}

describe('the read model of projects', () => {
  scenario('shows a draft, and the turn it came from')
    .given(drafted({ link, ownership: 'unstated' }))
    .thenRow({
      ...{ person_id: personStream.slice('user-'.length), project_id: projectId, owner_id: ownerId },
      ...{ title: 'Handbook bot', link, ownership: 'unstated', notes: [], source_turn_id: turnOf('m1') },
      ...{ source_conversation_id: conversationId, drafted_at: second(0), updated_at: second(0) },
      ...{ shared_at: null, removed_at: null, last_position: positionOf(0) },
    })
  scenario('keeps what was said about it, in order')
    .given(drafted(), noteAdded('one'), noteAdded('two', turnOf('m2')))
    .thenRow({ notes: ['one', 'two'], updated_at: second(2) })
  scenario('knows whose it is')
    .given(drafted({ link, ownership: 'unstated' }), ownershipStated('reference'))
    .thenRow({ ownership: 'reference' })
  scenario('shows its new name').given(drafted(), projectRenamed('Answers')).thenRow({ title: 'Answers' })
  scenario('knows since when it is shared')
    .given(drafted(), shared())
    .thenRow({ shared_at: second(1) })
  scenario('knows that it is shared no more').given(drafted(), shared(), unshared()).thenRow({ shared_at: null })
  scenario('forgets what a removed one said, and shares it no more')
    .given(drafted({ link }), noteAdded(), shared(), projectRemoved())
    .thenRow({ title: '', link: null, notes: [], shared_at: null, removed_at: second(3) })

  test('is the same when each event comes alone, and when all come again', async () => {
    const record = new TestRecord()
    record.append([drafted(), noteAdded(), shared(), unshared(), projectRenamed()], personStream)
    await handleBatches(database, [record.events])
    const together = await digest(database)
    await emptyReadModels(database)
    const alone = record.events.map((event) => [event])
    await handleBatches(database, [...alone, ...alone])
    expect((await digest(database))['project']).toEqual(together['project'])
  })

  test('has no row for what happens to an unknown project', async () => {
    const record = new TestRecord()
    record.append([noteAdded(), shared(), projectRemoved()], personStream)
    await handleBatches(database, [record.events])
    expect(await rowsOf(database, 'project')).toEqual([])
  })
})

const second2 = projectIdOf(turnOf('m2'))

describe('the projects of a person', () => {
  test('are listed without the removed ones, the latest changed first, with their conversation', async () => {
    const record = new TestRecord()
    record.append([started()])
    record.append([drafted(), drafted({ projectId: second2, title: 'Gone' }), noteAdded('for nurses')], personStream)
    record.append([{ type: 'ProjectRemoved', data: { ownerId, projectId: second2 } }], personStream)
    await handleBatches(database, [record.events])
    expect(await createProjectQueries({ database }).list(ownerId)).toEqual([
      {
        ...{ projectId, title: 'Handbook bot', link: null, ownership: 'own', notes: ['for nurses'], isShared: false },
        ...{ turnId: turnOf('m1'), conversationId: 'ember-chat-ada', draftedAt: second(1), updatedAt: second(3) },
      },
    ])
    expect(await createProjectQueries({ database }).list('bob')).toEqual([])
  })
})

describe('the shared projects', () => {
  const search = (words: string[], limit = 5) => createProjectQueries({ database }).searchShared(words, limit)
  beforeEach(async () => {
    const record = new TestRecord()
    const other = { ownerId, projectId: second2 }
    record.append([drafted(), noteAdded('Answers questions about our wiki'), shared()], personStream)
    record.append([drafted({ ...other, title: 'Secret poems' })], personStream)
    await handleBatches(database, [record.events])
  })

  test('are found by any of their words and by beginnings of words, never those that are not shared', async () => {
    expect(await search(['handbook'])).toMatchObject([{ projectId, title: 'Handbook bot' }])
    expect(await search(['ques', 'nothing'])).toMatchObject([{ projectId }])
    expect(await search(['poems'])).toEqual([])
  })
  test('come the latest first when no word is asked for', async () => {
    expect(await search([])).toMatchObject([{ projectId }])
  })
  test('do not say whose they are', async () => {
    expect(JSON.stringify(await search([]))).not.toContain(ownerId)
  })
  test('cannot be asked for with operators', async () => {
    expect(await search(["'", '!', '& |', 'a:*b', '<->', '(poems', '\0'])).toEqual([])
  })
})

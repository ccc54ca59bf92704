import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAgentTools } from '../../../src/agents/tools/tool-set.ts'
import { type PlatformStage, startPlatform } from './platform-stage.ts'

let platform: PlatformStage
const sharedId = randomUUID()
beforeAll(async () => {
  platform = await startPlatform([
    { projectId: sharedId, title: 'Chatbot for `nurses`', link: null, notes: ['Answers at night'] },
  ])
})
afterAll(() => platform.stop())

describe('the profile agent', () => {
  it('notes what is stated, in the person’s words, and says so', async () => {
    const ada = platform.talk()
    const said = await ada.say('Remember that I prefer short answers')
    expect(said).toMatchObject({ agent: 'profile', calls: ['note_profile_facts succeeded'] })
    expect(said.text).toContain('- **preference**: `short answers`')
    expect(said.text).toContain('undo')
    expect(await platform.owned.userGateway.facts(ada.ownerId)).toMatchObject([
      { kind: 'preference', value: 'short answers' },
    ])
  })

  it('notes a statement once, when its turn is handled twice', async () => {
    const ada = platform.talk()
    const first = await ada.say('I work as a nurse', { agent: 'profile' })
    expect((await ada.again()).text).toBe(first.text)
    expect((await ada.say('I work as a nurse', { agent: 'profile' })).text).toContain('(known already)')
    expect(await platform.eventsOf(ada.ownerId)).toEqual(['ProfileFactNoted'])
  })

  it('says what is known, and forgets what it is asked to forget', async () => {
    const ada = platform.talk()
    await ada.say("I'm a nurse from Lisbon and I like chess.", { agent: 'profile' })
    expect((await ada.say('What do you know about me?', { agent: 'profile' })).text).toContain('`nurse from Lisbon`')
    const forgot = await ada.say('please forget that I like chess', { agent: 'profile' })
    expect(forgot.calls).toEqual(['remove_profile_facts succeeded'])
    expect(await platform.owned.userGateway.facts(ada.ownerId)).toMatchObject([{ value: 'nurse from Lisbon' }])
    const nothing = await ada.say('forget that I like hiking', { agent: 'profile' })
    expect(nothing.text).toContain('nothing was removed')
  })

  it('forgets once, when the wish is delivered twice, and nothing that was noted since', async () => {
    const ada = platform.talk()
    await ada.say("I'm a nurse from Lisbon and I like chess.", { agent: 'profile' })
    const first = await ada.say('please forget all that you know about me', { agent: 'profile' })
    expect(first.text).toContain('`chess`')
    const elsewhere = platform.talk({ ownerId: ada.ownerId })
    await elsewhere.say('I like hiking', { agent: 'profile' })
    const again = await ada.again()
    expect(again).toMatchObject({ text: expect.stringContaining('`chess`'), calls: ['remove_profile_facts succeeded'] })
    expect(await platform.owned.userGateway.facts(ada.ownerId)).toMatchObject([{ value: 'hiking' }])
    const removals = (await platform.eventsOf(ada.ownerId)).filter((type) => type === 'ProfileFactRemoved')
    expect(removals).toHaveLength(2)
  })

  it('forgets no more than a turn may, however often its wish is delivered', async () => {
    const ada = platform.talk()
    for (let index = 1; index <= 25; index += 1) await ada.say(`I like sort number ${index}`, { agent: 'profile' })
    await ada.say('forget everything', { agent: 'profile' })
    expect(await platform.owned.userGateway.facts(ada.ownerId)).toHaveLength(5)
    await ada.again()
    await ada.again()
    expect(await platform.owned.userGateway.facts(ada.ownerId)).toHaveLength(5)
  })

  it('says plainly that nothing was noted when nothing was stated', async () => {
    const said = await platform.talk().say('my profile please, update it', { agent: 'profile' })
    expect(said.text).not.toContain('Noted in your profile')
  })

  it('is the only one that has these tools', () => {
    const tools = createAgentTools([])
    expect(tools.definitionsFor('profile')).toEqual([])
  })
})

describe('the discovery agent', () => {
  it('lists what the catalogue returned, with links', async () => {
    const said = await platform.talk().say('Find me vector databases', { agent: 'discovery' })
    expect(said.calls).toEqual(['search_catalogue succeeded'])
    expect(said.text).toContain('**Qdrant** (tool)')
    expect(said.text).toContain('https://github.com/qdrant/qdrant')
  })

  it('lists the projects that people share, as inert words', async () => {
    const said = await platform.talk().say('Show me some chatbot projects people have built')
    expect(said.agent).toBe('discovery')
    expect(said.text).toContain("`Chatbot for 'nurses'` (project shared here)")
    expect(said.text).toContain(`\`shared:${sharedId}\``)
  })

  it('names challenges by their id', async () => {
    const said = await platform.talk().say('Are there any challenges I can join this week?', { agent: 'discovery' })
    expect(said.text).toMatch(/Catalogue id `challenge-[a-z-]+`/)
  })

  it('says when nothing fits, and invents nothing', async () => {
    const said = await platform.talk().say('Show me projects about underwater basket weaving', { agent: 'discovery' })
    expect(said.text).toContain('Nothing in the catalogue fits that')
    expect(said.text).not.toMatch(/https?:\/\//)
  })
})

const llama = 'https://github.com/facebookresearch/llama'
const whose = 'Is it your own work, or somebody else’s that you want to keep for reference?'

describe('the creation agent', () => {
  it('asks once whose a link is, keeps it when it is somebody else’s, and never asks again', async () => {
    const ada = platform.talk()
    const first = await ada.say(llama)
    expect(first).toMatchObject({ agent: 'creation', calls: ['draft_project succeeded'] })
    expect(first.text.endsWith(whose)).toBe(true)
    const second = await ada.say("It's not mine, I just want to save it")
    expect(second.agent).toBe('creation')
    expect(second.text).toContain('Kept for reference: `Llama`')
    const third = await ada.say(llama, { agent: 'creation' })
    for (const { text } of [second, third]) expect(text).not.toContain(whose)
    expect(await platform.eventsOf(ada.ownerId)).toEqual([
      ...['ProjectDrafted', 'ProjectNoteAdded', 'ProjectNoteAdded', 'ProjectOwnershipStated', 'ProjectNoteAdded'],
    ])
  })

  it('asks in the turn that drafts, also when that is handled twice, and drafts once', async () => {
    const ada = platform.talk()
    const first = await ada.say(llama)
    expect((await ada.again()).text).toBe(first.text)
    expect(await platform.eventsOf(ada.ownerId)).toEqual(['ProjectDrafted', 'ProjectNoteAdded'])
  })

  it('takes the answer back to itself, whatever nouns it has', async () => {
    const ada = platform.talk()
    await ada.say(llama)
    const said = await ada.say('my own and Midjourney')
    expect(said.agent).toBe('creation')
    expect(said.text).toContain('your project `Llama`')
  })

  it('takes a video in without asking whose it is', async () => {
    const said = await platform.talk().say('https://www.youtube.com/watch?v=dQw4w9WgXcQ')
    expect(said).toMatchObject({ agent: 'creation', calls: ['draft_project succeeded'] })
    expect(said.text).not.toContain(whose)
  })

  it('keeps everything that was said over all turns', async () => {
    const ada = platform.talk()
    await ada.say('Create a chatbot project for nurses', { agent: 'creation' })
    await ada.say('It answers questions about medicines at night', { agent: 'creation' })
    const last = await ada.say('Built with Python and pgvector', { agent: 'creation' })
    for (const words of ['for nurses', 'medicines at night', 'Python and pgvector']) expect(last.text).toContain(words)
    const conversation = { ownerId: ada.ownerId, conversationId: '' }
    expect(await platform.owned.userGateway.projectOf(conversation)).toBeUndefined()
  })

  it('takes an upload as something of the person’s, never as a wish for a picture', async () => {
    const said = await platform.talk().say('[image: sunset.png](https://files.example.org/sunset.png)')
    expect(said).toMatchObject({ agent: 'creation', calls: ['draft_project succeeded'], attachments: [] })
  })

  it('says that nothing was saved when the draft was refused', async () => {
    const ada = platform.talk()
    for (let n = 0; n < 101; n += 1) await ada.say(`note ${n}`, { agent: 'creation' })
    const said = await ada.say('one more', { agent: 'creation' })
    expect(said.calls).toEqual(['draft_project failed'])
    expect(said.text).toContain('Nothing has been created or saved')
  })
})

describe('the image agent', () => {
  it('draws a picture from the wish, keeps it, and says that it is drawn', async () => {
    const ada = platform.talk()
    const said = await ada.say('Create an image of a sunset over the sea')
    expect(said).toMatchObject({ agent: 'image', calls: ['make_image succeeded'] })
    expect(said.text).toContain('not a generated picture')
    const [attachment] = said.attachments
    expect(attachment).toMatchObject({ mediaType: 'image/svg+xml', name: expect.stringContaining('sunset') })
    const content = await platform.owned.attachments.read(ada.ownerId, attachment?.reference ?? '')
    expect(Buffer.from(content?.bytes ?? []).toString()).toMatch(/^<svg /)
    expect(await platform.owned.attachments.read('somebody-else', attachment?.reference ?? '')).toBeUndefined()
  })

  it('draws the parts of what the knowledge base explains', async () => {
    const said = await platform.talk().say('Make an infographic about RAG', { agent: 'image' })
    expect(said.attachments[0]?.name).toMatch(/^Concept map: Retrieval-augmented generation \(RAG\), linked to /)
  })

  it('keeps one picture, when its turn is handled twice', async () => {
    const ada = platform.talk()
    const first = await ada.say('Draw a red fox', { agent: 'image' })
    expect((await ada.again()).attachments).toEqual(first.attachments)
  })

  it('keeps pictures that differ apart, when a turn is handled twice by a model that makes another each time', async () => {
    const { attachments } = platform.owned
    const source = { ownerId: 'ada', conversationId: 'c1', turnId: randomUUID(), agent: 'image' } as const
    const picture = (letter: string) => ({ mediaType: 'image/png', bytes: Buffer.alloc(800_000, letter) })
    const kept = await Promise.all(['a', 'b'].map((letter) => attachments.store(source, 1, picture(letter))))
    for (const [index, letter] of ['a', 'b'].entries()) {
      expect(
        Buffer.compare((await attachments.read('ada', kept[index] ?? ''))?.bytes ?? Buffer.of(), picture(letter).bytes),
      ).toBe(0)
    }
    const again = await attachments.store(source, 1, picture('a'))
    expect(Buffer.compare((await attachments.read('ada', again))?.bytes ?? Buffer.of(), picture('a').bytes)).toBe(0)
  })

  it('draws the changes of later turns', async () => {
    const ada = platform.talk()
    await ada.say('Draw a red fox', { agent: 'image' })
    const said = await ada.say('in winter, please', { agent: 'image' })
    expect(said.attachments[0]?.name).toMatch(/red fox.*winter/)
  })

  it('asks what to show when nothing is named', async () => {
    const said = await platform.talk().say('Make an image', { agent: 'image' })
    expect(said).toMatchObject({ calls: [], attachments: [] })
  })
})

/** The image agent's tool: has a picture made and keeps it as an attachment of the answer. */
import { z } from 'zod'
import type { ToolContext } from '../agent-tools.ts'
import type { ImageModel } from '../image-model.ts'
import { type AgentTool, succeeded } from './tool-set.ts'

/** Where pictures are kept; the same call of a turn keeps its picture once. */
export interface PictureAlbum {
  /** Returns the id by which the person can look at it. */
  readonly keep: (
    context: ToolContext,
    callNumber: number,
    picture: { readonly mediaType: string; readonly bytes: Uint8Array },
  ) => Promise<string>
}

export const MAKE_IMAGE = 'make_image'

/** Hosted image models take their time; `IMAGE_TIMEOUT_MS` is shorter, so that a drawing can still take their place. */
const TIMEOUT_MS = 90_000

const imageArguments = z.object({
  title: z.string().min(1).max(120).describe('What the picture shows, in a few words.'),
  description: z.string().min(1).max(2_000).describe('Everything the person wants to see, over all turns.'),
  form: z.enum(['picture', 'diagram']).default('picture'),
  labels: z.array(z.string().min(1).max(80)).max(8).default([]).describe('For a diagram: its parts, in order.'),
})

export function imageTools(model: ImageModel, album: PictureAlbum): readonly AgentTool[] {
  return [
    {
      agents: ['image'],
      definition: {
        name: MAKE_IMAGE,
        description:
          'Makes one picture or diagram and attaches it to the answer. The result says whether it was generated or only drawn, and instead of which model; say so, too.',
        parameters: imageArguments,
        timeoutMs: TIMEOUT_MS,
      },
      async execute(call, context, signal) {
        const wish = imageArguments.parse(call.arguments)
        const { mediaType, bytes, alt, made } = await model.draw(wish, signal)
        const reference = await album.keep(context, call.number, { mediaType, bytes })
        const { origin, model: maker, insteadOf } = made
        const told = { origin, alt, mediaType, bytes: bytes.byteLength, model: maker, insteadOf }
        return succeeded(told, { attachments: [{ mediaType, name: alt, reference, made }] })
      },
    },
  ]
}

/** Behaviours of a server that speaks the OpenAI images protocol, and pictures in every form that it may send. */
import { crc32, deflateSync } from 'node:zlib'
import type { Behaviour } from './model-server.ts'

const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

/** A picture that any viewer opens: one pixel, and as many bytes beside it as are wished. */
export function png(fillerBytes = 0): Buffer {
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0])
  const pixel = deflateSync(Buffer.from([0, 200, 80, 20]))
  const filler = fillerBytes === 0 ? [] : [block('teXt', Buffer.alloc(fillerBytes, 'a'))]
  return Buffer.concat([
    signature,
    block('IHDR', header),
    ...filler,
    block('IDAT', pixel),
    block('IEND', Buffer.alloc(0)),
  ])
}

function block(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const frame = Buffer.alloc(body.length + 8)
  frame.writeUInt32BE(data.length, 0)
  body.copy(frame, 4)
  frame.writeUInt32BE(crc32(body), body.length + 4)
  return frame
}

export const imageUsage = { input_tokens: 12, output_tokens: 1_056, total_tokens: 1_068 }

/** Sends the picture within its answer. */
export const paints =
  (picture = png(), counted: object | null = imageUsage): Behaviour =>
  ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const usage = counted === null ? {} : { usage: counted }
    response.end(JSON.stringify({ created: 1, data: [{ b64_json: picture.toString('base64') }], ...usage }))
  }

/** Sends the address of a picture; the server itself is asked for it when the address has no host. */
export const pointsTo =
  (address: string): Behaviour =>
  ({ request, response }) => {
    const url = new URL(address, `http://${request.headers.host}`).href
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ created: 1, data: [{ url }] }))
  }

export const showsPicture: Behaviour = ({ response }) => {
  response.writeHead(200, { 'content-type': 'image/png' })
  response.end(png())
}

/** Begins its answer and breaks the connection in the middle. */
export const paintsHalf: Behaviour = ({ response }) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '4000' })
  response.write('{"created":1,"data":[{"b64_json":"iVBOR', () => response.destroy())
}

/** The messages of the users service: event_store.client.users. */
import { ProtobufReader } from './protobuf-reader.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

const TICKS_PER_MS = 10_000

/** What any request of the service may say; what it does not say is empty. */
export interface UserRequest {
  readonly loginName: string
  readonly password: string
  readonly fullName: string
  readonly groups: readonly string[]
}

/** Create and Update. Enable, Disable, Delete and Details say the login name alone. */
export function decodeUserRequest(message: Buffer): UserRequest {
  const [loginName = '', password = '', fullName = ''] = decodeTexts(message)
  return { loginName, password, fullName, groups: decodeTexts(message, 4).slice(3) }
}

export function decodeLoginName(message: Buffer): string {
  return decodeTexts(message)[0] ?? ''
}

export interface PasswordChange {
  readonly loginName: string
  readonly current: string
  readonly next: string
}

export function decodeChangePassword(message: Buffer): PasswordChange {
  const [loginName = '', current = '', next = ''] = decodeTexts(message)
  return { loginName, current, next }
}

export function decodeResetPassword(message: Buffer): Omit<PasswordChange, 'current'> {
  const [loginName = '', next = ''] = decodeTexts(message)
  return { loginName, next }
}

/** Field 1 holds the options; their fields 1 to 3 are texts, and `repeated`, which comes after them, is a list of texts. */
function decodeTexts(message: Buffer, repeated = Infinity): string[] {
  const reader = new ProtobufReader(message)
  const texts = ['', '', '']
  while (reader.next()) {
    if (reader.field !== 1) continue
    const options = reader.message()
    while (options.next()) {
      if (options.field <= 3) texts[options.field - 1] = options.string()
      else if (options.field === repeated) texts.push(options.string())
    }
  }
  return texts
}

export interface UserDetails {
  readonly loginName: string
  readonly fullName: string
  readonly groups: readonly string[]
  readonly updatedMs: number
  readonly isDisabled: boolean
}

export function encodeUserDetails({ loginName, fullName, groups, updatedMs, isDisabled }: UserDetails): Buffer {
  const writer = new ProtobufWriter(128)
  writer.message(1, (details) => {
    details.string(1, loginName).string(2, fullName)
    for (const group of groups) details.string(3, group)
    details.message(4, (time) => time.uint(1, updatedMs * TICKS_PER_MS)).bool(5, isDisabled)
  })
  return writer.finish()
}

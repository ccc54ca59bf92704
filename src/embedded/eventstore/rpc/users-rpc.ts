/** Users: accounts are made, changed and removed by admins; everybody may see their own and change their password. */
import type { AccessControl } from '../access/access-control.ts'
import { isPassword } from '../access/password-hash.ts'
import type { AccountOutcome, UserAccounts } from '../access/user-accounts.ts'
import { LIMITS } from '../limits.ts'
import { EMPTY_MESSAGE } from '../protocol/persistent-messages.ts'
import {
  decodeChangePassword,
  decodeLoginName,
  decodeResetPassword,
  decodeUserRequest,
  encodeUserDetails,
} from '../protocol/users-messages.ts'
import type { GrpcCall, RpcHandler } from '../transport/grpc-call.ts'
import { GRPC_STATUS, GrpcError } from '../transport/grpc-error.ts'
import { badRequest, storeFailed } from './rpc-failures.ts'

/** What the handlers are built from. */
export interface UsersContext {
  readonly access: AccessControl
  readonly users: UserAccounts
}

export function createUserRpc({ access, users }: UsersContext): RpcHandler {
  return async (call) => {
    const user = decodeUserRequest(await call.request())
    access.authorizeNode(call.principal, 'users/create')
    checkLoginName(user.loginName)
    checkPassword(user.password)
    checkGroups(user.groups)
    answer(call, user.loginName, await durable(users.create(user)))
  }
}

/** An empty password leaves the one that is there. */
export function updateUserRpc({ access, users }: UsersContext): RpcHandler {
  return async (call) => {
    const { loginName, password, fullName, groups } = decodeUserRequest(await call.request())
    access.authorizeNode(call.principal, 'users/update')
    checkGroups(groups)
    if (password !== '') checkPassword(password)
    const updated = await durable(users.update(loginName, { fullName, groups }))
    const isAll = updated !== 'done' || password === ''
    answer(call, loginName, isAll ? updated : await durable(users.setPassword(loginName, password)))
  }
}

export function deleteUserRpc({ access, users }: UsersContext): RpcHandler {
  return async (call) => {
    const loginName = decodeLoginName(await call.request())
    access.authorizeNode(call.principal, 'users/delete')
    answer(call, loginName, await durable(users.delete(loginName)))
  }
}

export function setUserDisabledRpc({ access, users }: UsersContext, isDisabled: boolean): RpcHandler {
  return async (call) => {
    const loginName = decodeLoginName(await call.request())
    access.authorizeNode(call.principal, isDisabled ? 'users/disable' : 'users/enable')
    answer(call, loginName, await durable(users.setDisabled(loginName, isDisabled)))
  }
}

/** Without a name it tells of everybody. */
export function userDetailsRpc({ access, users }: UsersContext): RpcHandler {
  return async (call) => {
    const loginName = decodeLoginName(await call.request())
    if (!isThemselves(call, loginName)) access.authorizeNode(call.principal, 'users/details')
    const account = users.find(loginName)
    if (loginName !== '' && !account) throw userMissing(loginName)
    for (const shown of account ? [account] : users.list()) call.send(encodeUserDetails(shown))
    call.end()
  }
}

/** Takes the current password, whoever asks. */
export function changePasswordRpc({ access, users }: UsersContext): RpcHandler {
  return async (call) => {
    const { loginName, current, next } = decodeChangePassword(await call.request())
    if (!isThemselves(call, loginName)) access.authorizeNode(call.principal, 'users/change-password')
    checkPassword(next)
    const account = users.find(loginName)
    if (!account) throw userMissing(loginName)
    if (!(await isPassword(current, account)))
      throw new GrpcError(GRPC_STATUS.permissionDenied, 'the current password is another', {
        exception: 'access-denied',
      })
    answer(call, loginName, await durable(users.setPassword(loginName, next)))
  }
}

export function resetPasswordRpc({ access, users }: UsersContext): RpcHandler {
  return async (call) => {
    const { loginName, next } = decodeResetPassword(await call.request())
    access.authorizeNode(call.principal, 'users/reset-password')
    checkPassword(next)
    answer(call, loginName, await durable(users.setPassword(loginName, next)))
  }
}

function isThemselves({ principal }: GrpcCall, loginName: string): boolean {
  return principal.name !== undefined && principal.name === loginName
}

/** A colon would end the name where somebody signs in. */
function checkLoginName(loginName: string): void {
  if (loginName === '' || loginName.length > LIMITS.loginNameCharactersMax || /[\p{Cc}:]/u.test(loginName))
    throw badRequest(`a login name has 1 to ${LIMITS.loginNameCharactersMax} characters, no colon among them`)
}

function checkPassword(password: string): void {
  if (password === '' || Buffer.byteLength(password) > LIMITS.passwordBytesMax)
    throw badRequest(`a password has 1 to ${LIMITS.passwordBytesMax} bytes`)
}

function checkGroups(groups: readonly string[]): void {
  if (groups.length > LIMITS.groupsPerUserMax) throw badRequest(`a user has at most ${LIMITS.groupsPerUserMax} groups`)
}

function answer(call: GrpcCall, loginName: string, outcome: AccountOutcome): void {
  const trailers = { 'login-name': loginName }
  if (outcome === 'missing') throw userMissing(loginName)
  if (outcome === 'exists')
    throw new GrpcError(GRPC_STATUS.alreadyExists, `User '${loginName}' exists.`, {
      exception: 'user-conflict',
      ...trailers,
    })
  if (outcome === 'conflict')
    throw new GrpcError(GRPC_STATUS.aborted, `User '${loginName}' was changed meanwhile.`, trailers)
  if (outcome === 'full')
    throw new GrpcError(GRPC_STATUS.resourceExhausted, `there are ${LIMITS.usersMax} users already`)
  call.end(EMPTY_MESSAGE)
}

function userMissing(loginName: string): GrpcError {
  const trailers = { exception: 'user-not-found', 'login-name': loginName }
  return new GrpcError(GRPC_STATUS.notFound, `User '${loginName}' is not found.`, trailers)
}

async function durable<Result>(work: Promise<Result>): Promise<Result> {
  return work.catch(() => {
    throw storeFailed()
  })
}

import { describe, expect, test } from 'vitest'
import type { Principal, StreamAction } from '../../../../src/embedded/eventstore/access/access-control.ts'
import { mayAccess, NO_DEFAULTS, parseAccessList } from '../../../../src/embedded/eventstore/access/stream-rights.ts'

const nobody: Principal = { name: undefined, groups: [] }
const anna: Principal = { name: 'anna', groups: ['writers'] }
const admin: Principal = { name: 'admin', groups: ['$admins'] }

const may = (
  principal: Principal,
  action: StreamAction,
  acl: unknown = undefined,
  stream = 'a',
  defaults = NO_DEFAULTS,
) => mayAccess({ principal, action, stream, list: parseAccessList(acl), defaults })

describe('the rights to a stream', () => {
  test('are with everybody who signed in, as long as no list says otherwise', () => {
    expect(may(anna, 'read')).toBe(true)
    expect(may(anna, 'delete')).toBe(true)
    expect(may(nobody, 'read')).toBe(false)
  })

  test('are with admins alone when it is the system’s', () => {
    expect(may(anna, 'read', undefined, '$stats')).toBe(false)
    expect(may(admin, 'read', undefined, '$stats')).toBe(true)
    expect(may(anna, 'read', { $r: 'anna' }, '$stats')).toBe(true)
  })

  test('are with those that a list names, by name, by group or as everybody', () => {
    expect(may(anna, 'write', { $w: 'bert' })).toBe(false)
    expect(may(anna, 'write', { $w: ['bert', 'anna'] })).toBe(true)
    expect(may(anna, 'write', { $w: ['writers'] })).toBe(true)
    expect(may(anna, 'write', { $w: '$all' })).toBe(true)
  })

  test('are given for each action alone', () => {
    const acl = { $r: 'bert', $mw: 'bert' }
    const allowed = (['read', 'write', 'delete', 'read-metadata', 'write-metadata'] as const).filter((action) =>
      may(anna, action, acl),
    )
    expect(allowed).toEqual(['write', 'delete', 'read-metadata'])
  })

  test('never open to somebody who has not signed in, even when the list says everybody', () => {
    expect(may(nobody, 'read', { $r: '$all' })).toBe(false)
  })

  test('are never taken from admins', () => {
    expect(may(admin, 'read', { $r: [] })).toBe(true)
    expect(may(anna, 'read', { $r: [] })).toBe(false)
  })

  test('come from the defaults where a list does not name the action', () => {
    const defaults = { user: { read: ['bert'] }, system: { read: ['anna'] } }
    expect(may(anna, 'read', {}, 'a', defaults)).toBe(false)
    expect(may(anna, 'read', { $r: 'anna' }, 'a', defaults)).toBe(true)
    expect(may(anna, 'read', {}, '$a', defaults)).toBe(true)
  })
})

describe('a list that is not one', () => {
  test.each([['$systemStreamAcl'], [7], [null], [undefined]])('counts as none: %j', (acl) => {
    expect(parseAccessList(acl)).toEqual({})
  })

  test('lets nobody in where a name should stand and something else does', () => {
    expect(parseAccessList({ $r: 7, $w: [7, 'anna'] })).toEqual({ read: [], write: ['anna'] })
  })
})

import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { makeCertificate } from '../../../../src/embedded/eventstore/transport/self-made-certificate.ts'

const nowMs = Date.parse('2026-03-04T05:06:07Z')
const made = makeCertificate({ hosts: ['localhost', '127.0.0.1', '::1', '2001:db8::1:0:ff'], nowMs })
const authority = new X509Certificate(made.authority)
const server = new X509Certificate(made.cert)

describe('a self-made certificate', () => {
  test('is signed by its authority, which is one', () => {
    expect(server.checkIssued(authority)).toBe(true)
    expect(server.verify(authority.publicKey)).toBe(true)
    expect(authority.verify(authority.publicKey)).toBe(true)
    expect([authority.ca, server.ca]).toEqual([true, false])
  })

  test('names the hosts and addresses it was made for, and no other', () => {
    expect(server.checkHost('localhost')).toBe('localhost')
    expect(server.checkHost('elsewhere')).toBeUndefined()
    for (const address of ['127.0.0.1', '::1', '2001:db8::1:0:ff']) expect(server.checkIP(address)).toBe(address)
    expect(server.checkIP('127.0.0.2')).toBeUndefined()
  })

  test('is valid since the day before and for ten years', () => {
    expect(server.validFromDate.toISOString()).toBe('2026-03-03T05:06:07.000Z')
    expect(server.validToDate.toISOString()).toBe('2036-03-01T05:06:07.000Z')
  })

  test('belongs to its key', () => {
    expect(made.key).toContain('PRIVATE KEY')
    expect(makeCertificate({ hosts: ['a'], nowMs }).key).not.toBe(made.key)
  })
})

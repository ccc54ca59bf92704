/** Signing in and out, and the tokens that open sockets. */
import { z } from 'zod'
import { roles } from '../person.ts'
import { timeSchema } from './common-contract.ts'

export const devLoginSchema = z.object({
  userId: z.string().meta({ description: '1 to 128 characters, no control characters.' }),
  roles: z.array(z.enum(roles)).max(roles.length).optional().meta({ description: 'Left out: `user`.' }),
})

export const accessTokenSchema = z.object({ accessToken: z.string(), expiresInS: z.number().int() })

export const connectionTokenSchema = z.object({
  connectionToken: z.string().meta({ description: '32 random bytes as base64url; opens one socket.' }),
  expiresInS: z.number().int(),
})

export const sessionSchema = z.object({
  userId: z.string().nullable().meta({ description: 'Null when nobody is signed in.' }),
  roles: z.array(z.enum(roles)),
  expiresAt: timeSchema.nullable(),
})

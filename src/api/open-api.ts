/** The description of the REST interface, generated from the schemas that validate it. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'

export const openApiOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Emberlog',
      version: '1',
      description:
        'Conversations that are recorded before they are answered. Commands answer with `x-position`; queries accept `x-min-position` and answer with `x-read-position`.',
    },
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    security: [{ bearer: [] }],
    tags: [
      { name: 'sign-in' },
      { name: 'conversations' },
      { name: 'messages' },
      { name: 'turns' },
      { name: 'audit' },
      { name: 'analytics' },
      { name: 'health' },
    ],
  },
  transform: createJsonSchemaTransform({ zodToJsonConfig: { unrepresentable: 'any' } }),
  transformObject: jsonSchemaTransformObject,
}

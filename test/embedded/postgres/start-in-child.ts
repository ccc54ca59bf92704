/** A program with an embedded server, for the tests that kill such a program: prints what it started, and when it is interrupted; stays. */
import { startEmbeddedPostgres } from '../../../src/embedded/postgres/embedded-postgres.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const server = await startEmbeddedPostgres({ dataDirectory: process.argv[2]!, maxConnections: 10, logger: silent })
process.send!({ connectionString: server.connectionString, processId: server.processId })
process.on('SIGINT', () => process.send!('interrupted'))

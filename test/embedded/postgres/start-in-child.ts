/** A program with an embedded server, for tests that kill it: tells what it started and when it is interrupted; stays. */
import { startEmbeddedPostgres } from '../../../src/embedded/postgres/embedded-postgres.ts'

process.on('SIGINT', () => process.send!('interrupted'))

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const server = await startEmbeddedPostgres({ dataDirectory: process.argv[2]!, maxConnections: 10, logger: silent })
process.send!({ connectionString: server.connectionString, processId: server.processId })

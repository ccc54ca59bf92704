/** The settings of the embedded server that are promises; they go on the command line, where no file can override them. */
import { logLinePrefix } from './server-log.ts'

export interface ServerSettings {
  readonly port: number
  readonly maxConnections: number
  readonly clusterName: string
}

/** Only loopback is listened on, in clear, with a password (scram): a socket file's path would be limited to 107 bytes. */
export const serverHost = '127.0.0.1'

/** Fewer leave nothing beside the three that PostgreSQL keeps for superusers. */
export const maxConnectionsMin = 5
/** A local server; more connections than this are a mistake in the caller. */
export const maxConnectionsMax = 1_000

/** Arguments of the `postgres` program for `cluster`. Everything else is editable in the cluster's postgresql.conf. */
export function serverArguments(cluster: string, settings: ServerSettings): string[] {
  const promises: Record<string, string | number> = {
    cluster_name: settings.clusterName,
    listen_addresses: serverHost,
    port: settings.port,
    unix_socket_directories: '',
    max_connections: settings.maxConnections,
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_destination: 'stderr',
    logging_collector: 'off',
    log_line_prefix: logLinePrefix,
    log_checkpoints: 'off',
    // A log line may not hold what a person wrote: no statements, no details, no parameters.
    log_statement: 'none',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_parameter_max_length: 0,
    log_parameter_max_length_on_error: 0,
  }
  return ['-D', cluster, ...Object.entries(promises).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

/** The server's environment: PG… variables of the person who starts us are meant for clients and must not steer it. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('LC_'))
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' }
}

/** Counts, from the metrics of running programs, what was asked of their connections to Postgres. */

export interface ConnectionFigures {
  /** Requests for a connection to serve people; the projector has others, and works whether or not anybody streams. */
  readonly queries: number
  /** Requests for a connection to find and make keys. */
  readonly vault: number
  /** Requests to serve people that got a connection after more than a millisecond. */
  readonly waits: number
  /** The same for keys. */
  readonly vaultWaits: number
}

/** Returns a look at what all programs together have taken from here on, without what the looking itself takes. */
export async function lookAtConnections(urls: readonly string[]): Promise<() => Promise<ConnectionFigures>> {
  const first = await figuresOf(urls)
  const before = await figuresOf(urls)
  return async () => {
    const after = await figuresOf(urls)
    return {
      queries: after.queries - before.queries - (before.queries - first.queries),
      vault: after.vault - before.vault,
      waits: after.waits - before.waits,
      vaultWaits: after.vaultWaits - before.vaultWaits,
    }
  }
}

async function figuresOf(urls: readonly string[]): Promise<ConnectionFigures> {
  const each = await Promise.all(urls.map(async (url) => figuresIn(await (await fetch(`${url}/metrics`)).text())))
  const sumOf = (name: keyof ConnectionFigures) => each.reduce((sum, figures) => sum + figures[name], 0)
  return {
    ...{ queries: sumOf('queries'), vault: sumOf('vault') },
    ...{ waits: sumOf('waits'), vaultWaits: sumOf('vaultWaits') },
  }
}

function figuresIn(metrics: string): ConnectionFigures {
  const values = new Map(
    metrics.split('\n').map((line) => {
      const [name = '', value = ''] = line.split(' ')
      return [name, Number(value)] as const
    }),
  )
  const value = (name: string) => values.get(name) ?? 0
  const acquired = (share: string) => value(`emberlog_database_acquired_total{share="${share}"}`)
  const waits = (share: string) =>
    value(`emberlog_database_wait_seconds_count{share="${share}"}`) -
    value(`emberlog_database_wait_seconds_bucket{le="0.001",share="${share}"}`)
  return {
    ...{ queries: acquired('queries'), vault: acquired('vault') },
    ...{ waits: waits('queries'), vaultWaits: waits('vault') },
  }
}

/** `node scripts/campaign.ts crashes [rounds] | clients [seconds]`: long trials of the read side, too long for the tests. Exit code 1 when a promise is broken. */
import { runClientCampaign } from '../test/support/client-campaign.ts'
import { runCrashCampaign } from '../test/support/crash-campaign.ts'

const [what, amount] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)

if (what === 'crashes') await crashes(Number(amount ?? 50))
else if (what === 'clients') await clients(Number(amount ?? 60))
else {
  say('node scripts/campaign.ts crashes [rounds = 50] | clients [seconds = 60]')
  process.exitCode = 2
}

/** Random crashes of writer, Postgres and store under load; after each the rows are compared with a clean replay. */
async function crashes(rounds: number): Promise<void> {
  let count = 0
  const all = await runCrashCampaign(rounds, {
    partitions: 2,
    onRound: ({ victim, recoveredMs, differing }) => {
      count += 1
      say(
        `${count} of ${rounds}: ${victim} killed, recovered in ${recoveredMs} ms, differing: ${differing.join(' ') || 'none'}`,
      )
    },
  })
  const wrong = all.filter(({ differing }) => differing.length > 0).length
  say(
    `${all.length} rounds, ${all.reduce((sum, { messages }) => sum + messages, 0)} messages, ${wrong} rounds with other rows`,
  )
  if (wrong > 0) process.exitCode = 1
}

/** 400 people on 4 processes and a Postgres of 20 connections: with a budget of 4 for each process, then of 2. */
async function clients(seconds: number): Promise<void> {
  for (const connections of [4, 2]) {
    const plan = { serverConnections: 20, processes: 4, connections, partitions: 1, clients: 400, seconds }
    const { exitCode, loaded, refusedConnections, connectionsSeenMax } = await runClientCampaign(plan)
    say(
      JSON.stringify({
        connections,
        exitCode,
        connectionsSeenMax,
        refusedConnections: refusedConnections.length,
        ...loaded,
      }),
    )
    if (exitCode !== 0 || refusedConnections.length > 0) process.exitCode = 1
  }
}

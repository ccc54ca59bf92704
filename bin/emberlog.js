#!/usr/bin/env node
// Starts the command line with a Node that runs TypeScript: this one, or the one that came with the packages.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 24
const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
  process.argv[1] = cli
  enableCompileCache() // A second start reads compiled sources instead of compiling them again.
  await import('../src/cli.ts')
} else {
  runWithPackagedNode()
}

function runWithPackagedNode() {
  const places = ['../node_modules/node/bin/node', '../../node/bin/node']
  const node = places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find(existsSync)
  if (node === undefined) {
    process.stderr.write(
      `emberlog needs Node ${NODE_MAJOR_MIN} or later (this is ${process.version}); run npm ci first.\n`,
    )
    process.exitCode = 3
    return
  }
  const child = spawn(node, [cli, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? code : 128
  })
}

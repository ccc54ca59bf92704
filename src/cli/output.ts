/** Writes what a command has to say, and stays quiet when nobody reads any more. */

/** Ends the process without a word when the reader of a pipe has gone (`emberlog … | head`). */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0)
      throw error
    })
  }
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function sayJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

export function complain(text: string): void {
  process.stderr.write(`emberlog: ${text}\n`)
}

/** Shows how far long work has come, on one line; shows nothing when nobody looks at a terminal, or a program reads. */
export function progressLine({ json = false }: { readonly json?: boolean } = {}): {
  readonly show: (text: string) => void
  readonly clear: () => void
} {
  const isShown = process.stderr.isTTY === true && !json
  return {
    show: (text) => void (isShown && process.stderr.write(`\r\u001b[2K${text}`)),
    clear: () => void (isShown && process.stderr.write('\r\u001b[2K')),
  }
}

const BAR_WIDTH = 30

/** How much of the whole is done, as a bar and in percent. */
export function progressBar(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  return `${'█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░')} ${Math.floor(share * 100)} %`
}

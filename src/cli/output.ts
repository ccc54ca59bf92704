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

/** Shows how far long work has come, on one line; shows nothing when nobody looks at a terminal. */
export function progressLine(): { readonly show: (text: string) => void; readonly clear: () => void } {
  const isShown = process.stderr.isTTY === true
  return {
    show: (text) => void (isShown && process.stderr.write(`\r\u001b[2K${text}`)),
    clear: () => void (isShown && process.stderr.write('\r\u001b[2K')),
  }
}

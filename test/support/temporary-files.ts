/** Everything that a run of the tests leaves in the directory for temporary files is in one directory, and gone afterwards. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export function setup(): () => void {
  const before = process.env['TMPDIR']
  const directory = mkdtempSync(path.join(tmpdir(), 'emberlog-tests-'))
  chmodSync(directory, 0o711) // Postgres may run as another user.
  process.env['TMPDIR'] = directory
  return () => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

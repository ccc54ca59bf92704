/** Finds the master key: in the environment, in a file, or, in development, in the data directory where it is made once. */
import { readFile } from 'node:fs/promises'
import type { Config } from '../config.ts'
import { Fault } from '../shared/failures.ts'
import { createLocalKeyWrapping, type KeyWrapping } from '../vault/key-wrapping.ts'
import { parseMasterKey } from '../vault/master-key.ts'
import { developmentMasterKey, developmentMasterKeyFile, openDataDirectory } from './data-directory.ts'

/** The master key, then the other one of a rotation. Throws `configuration-invalid` when production has none. */
export async function findMasterKeys(config: Config): Promise<KeyWrapping[]> {
  const { EMBERLOG_MASTER_KEY_OTHER: other } = config
  const texts = [
    await masterKeyText(config),
    ...(await nextOfDevelopment(config)),
    ...(other === undefined ? [] : [other]),
  ]
  return texts.map((text) => {
    const key = parseMasterKey(text)
    if (key === undefined) throw invalid(`${sourceOf(config)}: does not hold 32 bytes in base64 or hexadecimal`)
    return createLocalKeyWrapping(key)
  })
}

async function masterKeyText(config: Config): Promise<string> {
  const { EMBERLOG_MASTER_KEY: given, EMBERLOG_MASTER_KEY_FILE: file } = config
  if (given !== undefined) return given
  if (file !== undefined) {
    return await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new Fault('configuration-invalid', { problems: 'EMBERLOG_MASTER_KEY_FILE: cannot be read' }, { cause })
    })
  }
  if (config.AUTH_MODE === 'oidc' || config.NODE_ENV === 'production') {
    throw invalid(
      'EMBERLOG_MASTER_KEY: production needs one, or EMBERLOG_MASTER_KEY_FILE; make it with: openssl rand -base64 32',
    )
  }
  await openDataDirectory(config.dataDirectory)
  return await developmentMasterKey(config.dataDirectory, config.AUTH_JWT_SECRET)
}

/** A rotation that was cut short left the next key beside the old one. */
async function nextOfDevelopment(config: Config): Promise<string[]> {
  const { EMBERLOG_MASTER_KEY: given, EMBERLOG_MASTER_KEY_FILE: file } = config
  if (given !== undefined || file !== undefined) return []
  const next = await readFile(`${developmentMasterKeyFile(config.dataDirectory)}.next`, 'utf8').catch(() => undefined)
  return next === undefined ? [] : [next]
}

function sourceOf(config: Config): string {
  if (config.EMBERLOG_MASTER_KEY_FILE !== undefined) return 'EMBERLOG_MASTER_KEY_FILE'
  return config.EMBERLOG_MASTER_KEY === undefined ? 'the file master-key in EMBERLOG_DATA_DIR' : 'EMBERLOG_MASTER_KEY'
}

function invalid(problems: string): Fault {
  return new Fault('configuration-invalid', { problems })
}

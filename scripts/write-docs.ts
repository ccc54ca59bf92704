/** Writes the pages of docs/ that are made from code. A test holds them against the code. */
import { writeFileSync } from 'node:fs'
import { analyticsPage } from './analytics-page.ts'
import { configurationPage } from './configuration-page.ts'
import { errorsPage } from './errors-page.ts'
import { readModelsPage } from './read-models-page.ts'

writeFileSync(new URL('../docs/analytics.md', import.meta.url), analyticsPage())
writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationPage())
writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsPage())
writeFileSync(new URL('../docs/read-models.md', import.meta.url), readModelsPage())

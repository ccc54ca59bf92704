/** What each fault means to whoever runs the program, and what to do about it; docs/errors.md is made from this too. */

export const faultExplanations: Readonly<Record<string, string>> = {
  // Attachments
  'attachment-too-large':
    'A tool made an attachment of more than 4 MiB, which is not kept; the answer says that it failed.',
  'attachment-not-stored':
    'The record refused a part of an attachment, or several processes kept storing different ones for one call of a tool. The answer says that it failed; ask again.',

  // Starting
  'argument-invalid': 'An argument has a value that cannot be used; the message says which.',
  'configuration-invalid':
    'A variable has a value that cannot be used; the message names each one (docs/configuration.md).',
  'data-directory-unusable':
    'The data directory cannot be used. Set EMBERLOG_DATA_DIR to a directory that this user may write to.',
  'role-failed': 'A part of the program came to an end that it cannot recover from; the cause stands below.',
  'stop-too-late': 'A part of the program did not stop in time and was left behind; the record loses nothing by it.',
  'jwt-secret-too-short': 'AUTH_JWT_SECRET is too short to sign with. Use at least 32 random characters.',
  EADDRINUSE:
    'The port is in use by another program. Stop that program, or set PORT to another one (0 takes a free one).',
  EACCES: 'The system refuses access. Check who may listen on this port, and who may write to the data directory.',
  EADDRNOTAVAIL: 'This machine does not have the address in HOST. Set HOST to one of its own, such as 127.0.0.1.',

  // The record
  'store-unavailable':
    'The event store does not answer. Check EVENTSTORE_URL and that the server is running. What was being written may or may not be there; repeating it is safe.',
  'store-refused': 'The event store answered with an error that waiting does not mend; the cause stands below.',
  'store-too-old': 'The event store does not tell positions with its events. Version 22.6 or later does.',
  'event-store-failed':
    'The embedded event store cannot go on; nothing that was acknowledged is lost. The cause stands below. Mend it (disk space, permissions) and start again.',
  'event-store-crashed':
    'The embedded event store’s thread ended with an error of its own. Start again; please report it.',
  'event-store-ended': 'The embedded event store’s thread ended unasked. Start again; please report it.',
  'insecure-host':
    'Without TLS the event store serves this machine alone. Serve over TLS (--tls, or --tls-cert and --tls-key), or say --insecure where the network around it is trusted.',
  'certificate-unusable':
    'The certificate or its key cannot be used; the message names the file. Check --tls-cert and --tls-key.',
  'node-unreachable': 'The node that works on this directory does not answer. Check that it is running, and --server.',
  'node-access-denied':
    'The node asks for an operator. Name one with --server esdb://name:password@host:port (add tlsCaFile=… for a self-made certificate).',
  'node-refused': 'The node refused what was asked; its own words stand below.',
  'backup-failed': 'The copy could not be made. Check that the target directory can be written to by the node.',
  'directory-in-use':
    'Another Emberlog works on this data directory. Stop it, or set EMBERLOG_DATA_DIR to another one.',
  'directory-not-a-log':
    'The directory holds something that is no event log, or one of a format that this version does not know. Choose another directory, or use the version that wrote it.',
  'directory-not-empty': 'A backup goes only into an empty directory. Choose another one.',
  'log-damaged':
    'Bytes of the event log are no longer what was written; the message names the place. Nothing was changed. Restore the log from a backup.',
  'log-not-written':
    'The disk did not take what was to be written (full, or an I/O error). Nothing of it was acknowledged. Make room, then start again.',
  'log-overloaded': 'Writers are far ahead of the disk. Try again in a moment.',
  'log-closed': 'The event log is closed; the program is stopping.',

  // The record's content
  'event-not-encodable': 'An event does not fit its own schema. This is a mistake in the program; please report it.',
  'event-not-decodable':
    'A stored event does not fit its schema. It was written by something else, or damaged. `emberlog audit replay` shows it as it is stored.',
  'event-type-unknown':
    'The record holds an event of a type that this version does not know. Use the version that wrote it.',
  'event-version-unknown':
    'The record holds an event in a newer schema version than this program knows. Use the version that wrote it.',
  'turn-not-recorded': 'The rules refused a step of a turn that was being answered. The turn is delivered again.',

  // The keys
  'master-key-wrong':
    'The vault’s keys are wrapped with another master key than the one given; without the right one no personal text can be read. Set EMBERLOG_MASTER_KEY to the key it names by id, or DATABASE_URL to the right database.',
  'master-key-missing': 'No master key was given. Set EMBERLOG_MASTER_KEY.',
  'master-key-unknown':
    'A key is wrapped with a master key that is not at hand. During a rotation, set EMBERLOG_MASTER_KEY_OTHER to the other one.',
  'next-master-key-missing':
    'There is no master key to rotate to. Name it with --new-key-file, or set EMBERLOG_MASTER_KEY_OTHER.',
  'erasure-not-confirmed':
    'Erasing a person destroys their key: nothing brings the text back. Run the command again with --yes if that is meant.',
  'retention-rules-missing':
    'There are no rules of retention. Set EMBERLOG_RETENTION, or name some with --rules, such as conversation=2y,deleted=30d.',
  'retention-busy':
    'Another process applies rules of retention, or died doing so less than a minute ago. Try again in a while; what it began is finished first.',
  'retention-under-way':
    'What was to be held is being made unreadable by a rule of retention at this very moment. Place the hold again: it then covers what is left.',
  'key-not-unwrapped': 'A key in the vault is not what was put there: it was changed, or moved to another place.',

  // The read models
  'postgres-failed':
    'The embedded Postgres died several times in a short while, or does not start again. What it said is in the log, at level debug (LOG_LEVEL).',
  'database-unavailable': 'Postgres does not answer. Check DATABASE_URL and that the server is running.',
  'database-refused': 'Postgres answered with an error that waiting does not mend; the cause stands below.',
  'database-newer': 'The database was prepared by a newer version of Emberlog. Use that version, or another database.',
  'migration-changed':
    'A migration that was applied to this database reads otherwise today. Migrations are never edited: restore the file.',
  'connection-budget-too-large':
    'DATABASE_CONNECTIONS_MAX is more than Postgres has to spare. Lower it, or raise max_connections of the server.',
  'connection-budget-too-small': 'DATABASE_CONNECTIONS_MAX leaves no room for what the process needs. Raise it.',
  'checkpoint-moved': 'Another process owns the read models now; this one stood down without changing anything.',
  'event-not-projectable':
    'An event cannot become rows. It is parked with the later events of its stream; other streams go on.',
  'too-many-parked-streams':
    'So many streams are parked that something is wrong with the projectors. Projecting stopped.',
  'record-behind-read-models':
    'The read models have seen more than the record holds: they belong to another record, or the record was restored from an older backup. Rebuild them, or use the right database.',
  'read-models-missing': 'There are no read models to look at yet. Start `emberlog serve` once.',
  'read-models-outdated':
    'The read models that are shown were made by another version and do not have what was asked for. `emberlog serve` builds new ones by itself; try again when they are shown.',
  'rebuild-stopped': 'The rebuild was stopped before it was done; the live read models are unchanged.',
  'generation-differs':
    'The read models built anew differ from the live ones although the same projectors made both. They were kept apart for inspection; nothing was replaced.',
  'comparison-disturbed':
    'The live read models were changed by erasures or acts on parked events each time they were compared with the record. Try again when nothing of the kind is under way.',
  'comparison-stopped':
    'The comparison was stopped before it was done. It changed nothing, and nothing of it is left behind.',
  'generation-busy': 'Another process works on this generation of read models. Wait for it, or stop it.',
  'generation-live': 'This generation of read models is the live one: it cannot be dropped, and needs no way back.',
  'generation-unfinished': 'This generation was never complete. Run `emberlog projections rebuild` instead.',
  'generation-behind': 'Nobody feeds this generation any more, so it would show an old state. Rebuild instead.',
  'generation-of-other-version':
    'This generation was made by another version of the program, whose tables may have another shape. Roll back with that version, which can feed and read it.',
  'not-parked': 'Nothing of this stream is parked, or the position is not the first parked one.',
  'discard-not-confirmed':
    'Discarding leaves the event out of the read models for good. Run the command again with --yes if that is meant.',
  'generation-foreign':
    'A generation of read models was made by another version of the projectors, so its rows cannot be made anew. Wait until the new ones are built, drop the old generation, and it goes on by itself.',
  'erasure-unknown': 'The erasure that was being worked on is no longer in the vault.',
  'generation-unknown': 'There is no generation of read models with this number.',

  // The ledger
  'ledger-damaged':
    'The ledger’s directory holds files, but none that say how far the tree goes. Restore `ledger/` from a backup or copy it from another node; if nothing has aged out of the record, moving it away makes it anew from the record.',
  'ledger-differs':
    'The record does not hold what the ledger signed: events were changed, dropped, reordered or cut off, or this ledger belongs to another record. Nothing is signed until that is understood; `emberlog audit verify` names the place.',
  'ledger-not-readable': 'A file of the ledger cannot be read, or is not what it should be.',
  'ledger-not-written': 'A file of the ledger cannot be written. Check the disk and the directory’s owner.',
  'ledger-tile-missing':
    'A tile that a proof needs is not in the ledger’s directory. Restore it from a backup or another node.',
  'ledger-key-unusable': 'The ledger’s signing key cannot be used. `emberlog ledger keygen` makes one.',
  'ledger-key-invalid':
    'The text is no key of a signed note: `<name>+<id>+<base64>`, or `PRIVATE+KEY+…` for one that signs.',
  'checkpoint-not-taken':
    'A place outside did not take a checkpoint. It is tried again until it has the newest; its state shows in readiness and metrics.',
  'checkpoint-malformed': 'The signed note is no checkpoint: origin, size and root, a line each.',
  'bundle-not-written': 'The bundle cannot be written there. Check the directory and the disk.',
  'bundle-not-readable': 'A file of the bundle cannot be read.',
  'note-malformed': 'The text is no signed note.',
  'note-signature-wrong': 'A signature of a known key does not fit the text: the note was changed after it was signed.',
  'note-unsigned': 'None of the known keys signed the note.',

  // Exports
  'export-exists': 'A file of this name is there already. Choose another directory with --out, or say --force.',
  'export-not-written':
    'A file of the export could not be written; the cause stands below. Check --out and the room on the disk.',
  'export-stopped': 'The export was stopped. Files that were whole are there; of the one in hand nothing is left.',

  // Routing and answering
  'utterances-unreadable':
    'A line of the labelled utterances is not what it should be: JSON with `text` and `intent` (docs/routing.md).',
  'router-weights-unusable': 'The router’s weights cannot be read. Reinstall, or run `npm run train-router`.',
  'router-weights-changed': 'The router’s weights do not fit their hash. Reinstall, or run `npm run train-router`.',
  'router-weights-unknown-format': 'The router’s weights are of a format that this version does not know.',
  'knowledge-not-readable': 'The offline assistant’s knowledge base cannot be read. Reinstall.',

  // The command line
  'server-unreachable': 'The server does not answer at this address. Check --url, or start one with `emberlog serve`.',
  'server-refused': 'The server refused the request; status and code say why.',
  'socket-closed':
    'The server closed the connection. If the message had been accepted, its turn is in the record all the same.',
  'answer-too-late':
    'The answer took longer than the command waits. The turn goes on; `emberlog audit replay` shows its end.',
}

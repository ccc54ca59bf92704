/** Every queue, size and wait of the event store has its maximum here. */

const KIB = 1024
const MIB = 1024 * KIB

export const LIMITS = {
  // Transport
  /** One gRPC message. The client sends up to 3 MB and one event in one; larger ends the call. */
  messageBytesMax: 16 * MIB,
  /** All messages under way that are not complete yet, over all connections together. */
  unfinishedBytesMax: 256 * MIB,
  connectionsMax: 1_024,
  streamsPerConnectionMax: 10_000,
  /** Streams over all connections together; more are refused. */
  streamsMax: 50_000,
  headerBytesMax: 64 * KIB,
  headerPairsMax: 128,
  /** Node's own bookkeeping of one HTTP/2 session, in MiB. */
  sessionMemoryMib: 256,
  receiveWindowBytes: 4 * MIB,
  /** Streams a client may break off at once, and per second: readers that stop early do so all the time. */
  streamResetBurst: 20_000,
  streamResetsPerSecond: 2_000,
  /** From connecting to the first bytes that tell HTTP/1 from HTTP/2. */
  firstBytesMs: 10_000,
  /** From a call's end to breaking it off when the client goes on sending. */
  lingerMs: 5_000,
  /** Silence after which the system asks whether the other side is still there. */
  keepAliveMs: 60_000,
  http1RequestMs: 10_000,
  http1HeaderBytesMax: 16 * KIB,
  http1BodyBytesMax: 16 * KIB,
  /** Between asking connections to close and closing them. */
  shutdownMs: 2_000,

  // Appending
  /** Data of all events of one append, types and metadata not counted: the limit that clients are told. */
  appendDataBytesMax: MIB,
  /** Everything of one append, metadata included. */
  appendBytesMax: 32 * MIB,
  /** Appends of one connection's batch stream that wait for further chunks. */
  unfinishedBatchesMax: 10_000,
  /** Bytes decided but not durable above which writers are made to wait. */
  pendingBytesMax: 64 * MIB,
  /** How long the server waits for a batch without a deadline of its own. */
  batchDeadlineMs: 10_000,
  batchDeadlineMsMax: 24 * 60 * 60 * 1_000,

  // Reading
  sliceRecords: 256,
  sliceBytes: 256 * KIB,
  /** Records looked at in one turn for a filter that matches few. */
  sliceConsidered: 2_000,
  /** Bytes waiting in one stream's output above which its reader counts as slow. */
  outputBytesMax: 256 * KIB,
  /** Records a live subscriber may lag behind before it is told that it fell behind. */
  liveLagRecordsMax: 2_000,
  /** Parsed stream metadata kept. */
  metadataCacheMax: 100_000,
  filterPrefixesMax: 1_000,
  filterExpressionMax: 10_000,
  /** One match of an expression that linear-time matching cannot do. */
  filterMatchMs: 250,
  filterCacheMax: 10_000,

  // Access
  usersMax: 10_000,
  /** Credentials of which it is remembered whether they are right. */
  signInsMax: 10_000,
  /** Credentials that wait to be looked at; each takes some 50 ms. */
  signInQueueMax: 64,
  loginNameCharactersMax: 256,
  passwordBytesMax: 1_024,
  groupsPerUserMax: 100,

  // Monitoring
  /** Between two sets of figures, unless the caller says otherwise. */
  statsPeriodMs: 10_000,
  statsPeriodMsMin: 100,
  statsPeriodMsMax: 24 * 60 * 60 * 1_000,

  // Projections
  /** Events without links after which it is noted how far the standard projections have come. */
  projectedPassedMax: 10_000,

  // Groups (persistent subscriptions)
  /** All definitions are written with every change of one. */
  groupsMax: 2_000,
  /** Stream and group name together, in bytes of UTF-8: streams are named after both. */
  groupNameBytesMax: 60_000,
  consumersPerGroupMax: 1_000,
  /** Unanswered deliveries that one consumer may ask for; more is taken as this. */
  consumerSlotsMax: 10_000,
  /** Unanswered deliveries of all consumers of a group together. */
  groupInFlightMax: 100_000,
  /** Of what a consumer says when it parks an event. */
  parkReasonCharactersMax: 4_000,
  /** Events a group holds ready, whatever its history buffer is said to be. */
  groupBufferEventsMax: 10_000,
  /** Bytes of the events held ready; those beyond are read again when their turn comes. */
  groupBufferBytesMax: MIB,
  /** Events that a group's filter passes over before the place is written down. */
  groupPassedMax: 10_000,
  /** Times between a group's looks at what has run out of time. */
  groupTickMs: 100,
  /** Latest answers of a consumer of which statistics are kept. */
  groupLatenciesMax: 1_000,
} as const

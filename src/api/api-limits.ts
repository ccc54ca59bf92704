/** Everything at the door has a named maximum; these are the defaults, and the config may set others. */

export interface ApiLimits {
  /** A request's body. Room for 20,000 characters even when each is written as an escaped surrogate pair. */
  readonly bodyBytesMax: number
  /** A request's body that holds a whole chat, as some clients send with every message. */
  readonly chatBodyBytesMax: number
  /** Answers that one person may follow as streams over HTTP at the same time. */
  readonly streamsPerPersonMax: number
  /** One frame from a client; a larger one closes the socket with 1009. */
  readonly frameBytesMax: number
  readonly socketsPerPersonMax: number
  readonly newSocketsPerPersonPerMinuteMax: number
  readonly messagesPerPersonPerMinuteMax: number
  /** Frames of any type that one socket may send. */
  readonly framesPerSocketPerMinuteMax: number
  /** Commands of one socket that may wait for their turn. */
  readonly waitingCommandsPerSocketMax: number
  /** Bytes not yet taken by a slow client; past it the socket is closed with 1013. */
  readonly unsentBytesPerSocketMax: number
  /** Facts held back on one socket until the frame that must precede them is sent. */
  readonly heldFactsPerSocketMax: number
  /** Turns of which one socket remembers what it has sent. */
  readonly knownTurnsPerSocketMax: number
  /** How long the end of a turn that was under way at connection waits for the client's `resume`. */
  readonly resumeGraceMs: number
  readonly heartbeatIntervalMs: number
  readonly connectionTokenLifetimeMs: number
  readonly accessTokenLifetimeMs: number
  /** Access tokens ended before their time that are remembered until they would have expired. */
  readonly endedTokensMax: number
  /** People whose rates are remembered at the same time; the least recently seen is forgotten first. */
  readonly ratedPeopleMax: number
  /** How long a query may wait for the read models to reach `x-min-position`. */
  readonly readWaitMsMax: number
  readonly conversationsPageMax: number
  readonly messagesPageMax: number
  /** Turns accepted here that can be addressed before the read models show them. */
  readonly recentTurnsMax: number
  /** How long a close waits for sockets and requests before it cuts them. */
  readonly closeGraceMs: number
}

export const defaultApiLimits: ApiLimits = {
  bodyBytesMax: 512 * 1024,
  chatBodyBytesMax: 4 * 1024 * 1024,
  streamsPerPersonMax: 100,
  frameBytesMax: 32 * 1024,
  socketsPerPersonMax: 100,
  newSocketsPerPersonPerMinuteMax: 1_200,
  messagesPerPersonPerMinuteMax: 1_200,
  framesPerSocketPerMinuteMax: 1_200,
  waitingCommandsPerSocketMax: 128,
  unsentBytesPerSocketMax: 1024 * 1024,
  heldFactsPerSocketMax: 10_000,
  knownTurnsPerSocketMax: 1_000,
  resumeGraceMs: 2_000,
  heartbeatIntervalMs: 30_000,
  connectionTokenLifetimeMs: 60_000,
  accessTokenLifetimeMs: 12 * 60 * 60 * 1000,
  endedTokensMax: 100_000,
  ratedPeopleMax: 100_000,
  readWaitMsMax: 2_000,
  conversationsPageMax: 100,
  messagesPageMax: 200,
  recentTurnsMax: 10_000,
  closeGraceMs: 3_000,
}

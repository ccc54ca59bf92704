/** Every code that a client can meet, with its HTTP status and plain words; docs/errors.md is checked against this list. */

export interface ErrorEntry {
  readonly status: number
  /** A short sentence for people; the same for every occurrence. */
  readonly title: string
  /** What it means and what to do about it. */
  readonly explanation: string
}

export const errorCatalogue = {
  // Who asks
  'not-signed-in': entry(
    401,
    'Please sign in.',
    'No valid access token came with the request: none, an expired one, one that was signed out, or one signed by somebody else. Sign in again.',
  ),
  'role-missing': entry(
    403,
    'Your role does not allow this.',
    'The person is signed in, but without the role that the route asks for.',
  ),
  'origin-not-allowed': entry(
    403,
    'This page may not connect here.',
    'The `Origin` of the request is neither the server’s own nor a configured one. Add it to the allowed origins when it is yours.',
  ),
  'owner-id-invalid': entry(
    422,
    'This user id cannot be used.',
    'A user id has 1 to 128 characters, none of them a control character, half of a surrogate pair, or U+241F.',
  ),

  // What is asked for
  'route-unknown': entry(
    404,
    'There is nothing at this address.',
    'The path is not one of the API’s or the page’s. The list is at `/docs`.',
  ),
  'upgrade-required': entry(
    426,
    'This address speaks WebSocket.',
    'Open it as a WebSocket, with a connection token in `token`.',
  ),
  'method-not-allowed': entry(
    405,
    'This address does not understand this method.',
    'The path exists, with other methods; the `Allow` header names them.',
  ),
  'conversation-unknown': entry(
    404,
    'There is no such conversation.',
    'You have no conversation with this id, or it is deleted (a deleted one can be restored). Another person’s conversations cannot be named at all.',
  ),
  'conversation-unknown-then': entry(
    404,
    'There was no such conversation then.',
    'The record holds no conversation of this owner and id, or it began after the time or position that was asked for.',
  ),
  'as-of-invalid': entry(
    422,
    'This is neither a position nor a time.',
    '`asOf` is a position (an unsigned 64-bit decimal) or a time such as `2026-11-23T19:00:00.000Z`.',
  ),
  'purpose-missing': entry(
    422,
    'Please say what for.',
    'Every look at a record is recorded with its purpose: send 1 to 2,000 characters in the header `x-audit-purpose`.',
  ),
  'ledger-empty': entry(
    404,
    'Nothing has been signed yet.',
    'The ledger has no checkpoint yet, or it is kept on another node than the one that answered.',
  ),
  'leaf-unknown': entry(
    404,
    'No signed leaf stands at this position.',
    'No event of the ledger has this position, or it came after the checkpoint. Drafts and the store’s own events are not in the ledger.',
  ),
  'tree-size-unknown': entry(
    422,
    'The ledger has no such size.',
    'Sizes run from 0 to that of the last checkpoint, and `from` may not be larger than `to`.',
  ),
  'tile-unknown': entry(
    404,
    'There is no such tile.',
    'The path names no tile, or one that the ledger does not have: `tile/<level>/<index>`, with `.p/<width>` for one that is not full.',
  ),
  'turn-unknown': entry(
    404,
    'There is no such turn.',
    'None of your conversations has a turn with this id. A turn just sent on another node may need `x-min-position`.',
  ),
  'message-unknown': entry(
    404,
    'There is no such message.',
    'None of your conversations has a message with this id that fits the request: only answers can be rated, only your own messages answered again.',
  ),

  'fact-unknown': entry(
    404,
    'There is no such fact.',
    'Nothing with this id was ever noted about you. What was noted is listed at `GET /api/v1/me/profile`.',
  ),
  'project-unknown': entry(
    404,
    'There is no such project.',
    'You have no project with this id, or you removed it. Another person’s projects cannot be named at all.',
  ),
  'attachment-unknown': entry(
    404,
    'There is no such attachment.',
    'None of your answers has an attachment with this id, or it was erased. Another person’s cannot be named at all.',
  ),

  'model-unknown': entry(
    404,
    'There is no such model.',
    'Models are `emberlog`, which routes by itself, and one for each agent; `GET /v1/models` lists them.',
  ),

  // How it is asked
  'parameter-unsupported': entry(
    422,
    'A parameter asks for something that Emberlog does not do.',
    'Several answers at once, tools of the caller, forced formats, stop words and content that is not text are refused rather than left out silently; `param` names the one.',
  ),
  'request-invalid': entry(
    422,
    'The request does not have the expected form.',
    'A field, parameter or header is missing or of the wrong form; `errors` names each one.',
  ),
  'request-unreadable': entry(
    400,
    'The request is not HTTP.',
    'The bytes that came are no HTTP request: a malformed line or header, or something other than HTTP.',
  ),
  'request-too-slow': entry(
    408,
    'The request took too long to arrive.',
    'A request must arrive within 30 seconds. Send it again.',
  ),
  'headers-too-large': entry(
    431,
    'The request’s headers are too large.',
    'The address and all headers together may have at most 16 KiB. Often a cookie or a token has grown too long.',
  ),
  'body-invalid': entry(
    422,
    'The request’s body cannot be read.',
    'The body is not JSON in UTF-8, or its length is not the announced one.',
  ),
  'body-too-large': entry(413, 'The request’s body is too large.', 'A body may have at most 512 KiB.'),
  'media-type-not-supported': entry(
    415,
    'The request’s body has a type that is not understood.',
    'Send JSON, with `content-type: application/json`.',
  ),
  'conversation-id-invalid': entry(
    422,
    'This conversation id cannot be used.',
    'A conversation id has 1 to 128 characters out of A–Z, a–z, 0–9 and `._:~-`, and is not `.` or `..`.',
  ),
  'message-id-invalid': entry(
    422,
    'This message id cannot be used.',
    'A message id is chosen by the client: 1 to 128 characters out of A–Z, a–z, 0–9 and `._:~-`; a UUID is best.',
  ),
  'message-id-taken': entry(
    409,
    'This message id belongs to an answer.',
    'Mint a fresh id for every message of yours.',
  ),
  'command-id-invalid': entry(
    422,
    'This idempotency key cannot be used.',
    'An `Idempotency-Key` has 1 to 128 characters out of A–Z, a–z, 0–9 and `._:~-`.',
  ),
  'range-invalid': entry(
    422,
    'This range of time cannot be used.',
    '`from` must be before `to`; both are times (ISO 8601) or days.',
  ),
  'range-too-long': entry(
    422,
    'This range of time is too long.',
    'Ask for a shorter range, or for larger buckets: at most 1,000 buckets and 3,660 days in one answer.',
  ),
  'position-invalid': entry(
    422,
    'This position cannot be used.',
    '`x-min-position` is a position as commands answer it in `x-position`: an unsigned 64-bit number in decimal digits.',
  ),
  'cursor-invalid': entry(
    422,
    'This page cannot be opened.',
    'The `cursor` was not made by this query. Start again without one.',
  ),
  'text-blank': entry(422, 'The message is empty.', 'A message needs at least one visible character.'),
  'text-too-long': entry(422, 'The message is too long.', 'A message may have at most 20,000 characters.'),
  'text-not-storable': entry(
    422,
    'The text holds a character that cannot be kept.',
    'NUL characters and halves of surrogate pairs cannot be stored exactly, and text is never altered.',
  ),
  'title-blank': entry(422, 'The title is empty.', 'A title needs at least one visible character.'),
  'title-too-long': entry(422, 'The title is too long.', 'A title may have at most 200 characters.'),
  'fact-blank': entry(422, 'The fact is empty.', 'A fact needs at least one visible character.'),
  'fact-too-long': entry(422, 'The fact is too long.', 'A fact may have at most 200 characters.'),
  'project-link-invalid': entry(
    422,
    'The link of the project is no web address.',
    'A link begins with `http://` or `https://`, has no white space and at most 2,000 characters. It is kept, never opened.',
  ),
  'project-note-blank': entry(422, 'The note is empty.', 'A note on a project needs at least one visible character.'),
  'project-note-too-long': entry(
    422,
    'The note on the project is too long.',
    'A note on a project may have at most 4,000 characters.',
  ),
  'note-too-long': entry(422, 'The note is too long.', 'A note may have at most 2,000 characters.'),
  'parent-unknown': entry(
    422,
    'The message to follow does not exist.',
    '`parentMessageId` names no message of this conversation. Leave it out to go on at the end.',
  ),
  'intent-unknown': entry(422, 'There is no such intent.', 'The intent is not one of those the router knows.'),

  // What stands in the way
  'conversation-deleted': entry(409, 'The conversation is deleted.', 'Restore it to go on with it.'),
  'turn-in-progress': entry(
    409,
    'This message is being answered already.',
    'Wait for the answer to end, or stop it, before asking for another.',
  ),
  'intent-corrected-by-person': entry(
    409,
    'The person has said what the message was about.',
    'What people say of their own messages stands; an analyst’s correction does not replace it.',
  ),
  'project-shared': entry(
    409,
    'The project is shared.',
    'A shared project stays the sharer’s own. Stop sharing it before saying that it is somebody else’s.',
  ),
  'project-not-own': entry(
    409,
    'The project is not your own.',
    'Only what is your own work can be shared. If it is yours, say so first (`ownership: "own"`).',
  ),
  'too-many-facts': entry(
    409,
    'There are too many facts about you.',
    'At most 500 facts are kept about one person. Remove some to make room.',
  ),
  'too-many-projects': entry(
    409,
    'You have too many projects.',
    'A person may have at most 500 projects. Remove some to make room.',
  ),
  'too-many-project-notes': entry(
    409,
    'The project has too many notes.',
    'A project keeps at most 100 notes. Begin another project, or remove this one.',
  ),
  'too-many-open-turns': entry(
    429,
    'Too many messages are waiting for an answer.',
    'At most 20 messages of a conversation may wait. Send again when some are answered.',
  ),
  'messages-too-frequent': entry(
    429,
    'Messages are coming too fast.',
    'A person may send a limited number of messages a minute. Send again after `retryAfterMs`.',
  ),
  'connections-too-frequent': entry(
    429,
    'Connections are being opened too fast.',
    'A person may open a limited number of connections a minute. Connect again after `retryAfterMs`.',
  ),
  'answer-failed': entry(
    502,
    'The answer failed.',
    'The turn is recorded and ended without a whole answer; the detail says why. The same request again asks for another answer.',
  ),
  'too-many-connections': entry(
    429,
    'Too many connections are open.',
    'A person may hold a limited number of open connections. Close one, then connect again.',
  ),
  'frames-too-frequent': entry(
    429,
    'Frames are coming too fast.',
    'One socket may send a limited number of frames a minute. Go on after `retryAfterMs`.',
  ),
  'too-many-waiting-commands': entry(
    429,
    'Too many requests of this connection are waiting.',
    'Wait for the answers to earlier frames before sending more.',
  ),

  // Sockets
  'frame-invalid': entry(
    422,
    'The frame does not have the expected form.',
    'A frame is JSON text with a known `type` and its fields. The socket stays open.',
  ),

  // The world
  'not-ready': entry(
    503,
    'The service is starting or recovering.',
    'Something it needs is not there yet; `parts` says what. Try again shortly.',
  ),
  'store-unavailable': entry(
    503,
    'The record cannot be reached just now.',
    'Nothing was lost: send the same request again, with the same ids.',
  ),
  'conversation-busy': entry(
    503,
    'This conversation is busy just now.',
    'Many requests for one conversation wait at once. Send the same request again, with the same ids.',
  ),
  'conflict-persists': entry(
    503,
    'Others kept changing this conversation at the same moment.',
    'Send the same request again, with the same ids.',
  ),
  'vault-unavailable': entry(
    503,
    'The keys to personal text cannot be reached just now.',
    'Nothing was written unsealed, and nothing was lost: send the same request again, with the same ids.',
  ),
  'person-being-erased': entry(
    503,
    'This person’s record is being erased.',
    'Until the erasure is done, nothing of theirs is recorded. Try again shortly.',
  ),
  'legal-hold': entry(
    409,
    'This record is held.',
    'A legal hold covers it: until the hold is lifted, nothing of it may be erased. Ask whoever runs the service.',
  ),
  'receipt-unknown': entry(404, 'There is no such receipt.', 'No erasure has this id.'),
  'key-missing': entry(
    500,
    'Personal text cannot be opened.',
    'The vault does not know the key that the text was sealed with: it is another vault, or one restored from an older backup.',
  ),
  'value-not-opened': entry(
    500,
    'Personal text cannot be opened.',
    'Its bytes are not those that were sealed at this place: the record was changed. `emberlog audit verify` says where.',
  ),
  'database-busy': entry(
    503,
    'The read models are busy just now.',
    'All connections are in use; nothing was lost. Try again shortly.',
  ),
  'read-models-missing': entry(
    503,
    'The read models are being made.',
    'They are built anew from the record after an update or a loss. Nothing is lost; try again in a while.',
  ),
  'read-models-outdated': entry(
    503,
    'The read models are being renewed.',
    'Those of an earlier version do not have what was asked for; new ones are being built from the record. Nothing is lost; try again in a while.',
  ),
  'database-unavailable': entry(
    503,
    'The read models cannot be reached just now.',
    'Messages are still recorded; lists and histories come back by themselves.',
  ),
  'identity-provider-unavailable': entry(
    503,
    'The identity provider cannot be reached just now.',
    'Its published keys are needed to check your token. Try again shortly.',
  ),
  stopping: entry(503, 'The service is restarting.', 'Connect again in a moment; nothing was lost.'),
  internal: entry(
    500,
    'This did not work, and it is our mistake.',
    'The fault is logged under the `x-request-id` of the answer.',
  ),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorCatalogue

/** How an answer may end without being complete: the `code` of `response.failed`. What was written of it is kept. */
export const answerFailures = {
  'answering-failed': failure(
    'The answer could not be written.',
    'The turn could not be routed or prepared. Ask for another answer; the log says what was in the way.',
  ),
  'model-failed': failure(
    'The assistant did not answer.',
    'The language model gave no usable answer. Ask for another answer.',
  ),
  'model-timeout': failure(
    'The assistant took too long.',
    'The language model did not finish within the agent’s limit. Ask for another answer.',
  ),
  'model-answer-unfinished': failure(
    'The answer ended early.',
    'The language model stopped without saying that it was done. Ask for another answer.',
  ),
  interrupted: failure(
    'The answer was interrupted.',
    'The process that wrote it is gone, and it could not be written to its end in the same words. What you have seen of it is kept. Ask for another answer.',
  ),
  'model-unreachable': failure(
    'The assistant cannot be reached.',
    'No connection to the language model’s provider came about. Whoever runs this: check LLM_BASE_URL and the network.',
  ),
  'model-unauthorized': failure(
    'The assistant’s provider refuses us.',
    'The provider did not accept the key. Whoever runs this: check LLM_API_KEY and what it may use.',
  ),
  'model-request-refused': failure(
    'The assistant’s provider refuses the question.',
    'The provider answered that the request cannot be served: an unknown model or address, or a conversation too long for it. Whoever runs this: check LLM_MODEL and LLM_BASE_URL.',
  ),
  'model-rate-limited': failure(
    'The assistant is asked too much at the moment.',
    'The provider limits how much may be asked. Ask for another answer in a while.',
  ),
  'model-overloaded': failure(
    'The assistant is overloaded.',
    'The provider answered with an error of its own. Ask for another answer in a while.',
  ),
  'model-unavailable': failure(
    'The assistant is resting after failures.',
    'The language model failed several times in a row and is left alone for a short while. Ask for another answer then.',
  ),
  'model-first-token-timeout': failure(
    'The assistant did not begin in time.',
    'The language model did not begin its answer within the limit. Ask for another answer.',
  ),
  'model-stalled': failure(
    'The assistant fell silent.',
    'The language model paused for too long in the middle of its answer. What it wrote is kept; ask for another answer.',
  ),
  'model-connection-lost': failure(
    'The connection to the assistant broke.',
    'The connection to the provider ended in the middle of the answer. What was written is kept; ask for another answer.',
  ),
  'model-answer-invalid': failure(
    'The assistant’s answer cannot be read.',
    'What the provider sent is not the stream that was expected. Whoever runs this: check LLM_PROVIDER and LLM_BASE_URL.',
  ),
  'model-answer-filtered': failure(
    'The assistant’s provider held the answer back.',
    'The provider’s filter let nothing of the answer through. Ask in other words.',
  ),
  'model-answer-too-large': failure(
    'The assistant’s answer is too large.',
    'The provider sent more than any answer may have; it was cut off. Ask for another answer.',
  ),
  'model-answer-empty': failure(
    'The assistant had nothing to say.',
    'The language model ended its answer without a word. Ask for another answer.',
  ),
} as const satisfies Record<string, Omit<ErrorEntry, 'status'>>

/** The entry of a code; undefined when the code is not in the catalogue. */
export function errorEntryOf(code: string): ErrorEntry | undefined {
  return Object.hasOwn(errorCatalogue, code) ? errorCatalogue[code as ErrorCode] : undefined
}

/** Plain words for a turn that failed; a code of a model's own adapter has the general ones. */
export function answerFailureText(code: string): string {
  const known = Object.hasOwn(answerFailures, code) ? answerFailures[code as keyof typeof answerFailures] : undefined
  return (known ?? answerFailures['model-failed']).title
}

function entry(status: number, title: string, explanation: string): ErrorEntry {
  return { status, title, explanation }
}

function failure(title: string, explanation: string): Omit<ErrorEntry, 'status'> {
  return { title, explanation }
}

/** Time is passed in, never taken: everything that needs "now" receives a clock. */

/** Returns the current time. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()

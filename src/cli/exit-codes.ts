/** What a command tells the shell. */
export const exitCodes = { success: 0, foundWrong: 1, badArguments: 2, couldNotRun: 3 } as const

/** How the command line ends: the numbers that scripts go by. */

/**
 * Exit codes of the command line, the same for every command (docs/operations.md, "Exit codes").
 */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  integrity: 4,
  refused: 5,
  /** 128 + SIGINT, the shell's convention for an interrupted program. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What an error ends with: anything but 0. */
export type FailureExitCode = Exclude<ExitCode, typeof exitCodes.done>;

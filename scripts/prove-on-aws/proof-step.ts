/** What a proof on an account is made of: commands, and what each must print. */

/** How the AWS command line ends when AWS refuses: 254, and 255 in its version 1. */
export const refusedByAws = [254, 255];

export interface Command {
  /** A program and its arguments; `{name}` stands for a value that an earlier command printed. */
  readonly run: readonly string[];
  /** The exit codes that it may end with. Default: 0. */
  readonly exits?: readonly number[];
  /** What must stand in its output, each. */
  readonly prints?: readonly RegExp[];
  /** Values for later, by their names: the first group of each. */
  readonly saves?: Readonly<Record<string, RegExp>>;
  /** Tried again for so many minutes until it ends and prints as it must. */
  readonly forMinutes?: number;
  /** Written before it runs: a file of the proof's own directory, and its text. */
  readonly writes?: { readonly file: string; readonly text: string };
  /** Its output goes into this file of the proof's own directory. */
  readonly into?: string;
  /**
   * Where this stands in what it says, there is nothing to do: it was never made, or is gone. What
   * it would have saved is empty then, and a command of a removal that needs it is left out.
   */
  readonly goneWhen?: RegExp;
}

export interface ProofStep {
  readonly title: string;
  /** About how long, in minutes, with what it waits for. */
  readonly minutes: number;
  readonly commands: readonly Command[];
}

export interface Proof {
  readonly stage: string;
  readonly region: string;
  /** The secret with a database's connection; undefined: one of RDS's smallest is made. */
  readonly connection: string | undefined;
  /** Parameters of osls beside policy and events, `name=value`. */
  readonly parameters: readonly string[];
  /** In names of buckets, which are unique in all of AWS. */
  readonly unique: string;
  /** The proof's own directory, relative to the checkout. */
  readonly directory: string;
}

/** Names of what the proof makes. */
export function namesOf({ stage, unique, directory, connection }: Proof) {
  return {
    stack: `holdfast-${stage}`,
    vault: `holdfast-${stage}-${unique}`,
    state: `holdfast-${stage}-${unique}-state`,
    sealing: `alias/holdfast-${stage}-${unique}`,
    signing: `alias/holdfast-${stage}-${unique}-signing`,
    secret: connection ?? `holdfast-${stage}/shop`,
    database: `holdfast-${stage}`,
    group: `holdfast-${stage}-database`,
    queue: `holdfast-${stage}-heard`,
    policy: `${directory}/holdfast.yml`,
    file: (name: string): string => `${directory}/${name}`,
  };
}

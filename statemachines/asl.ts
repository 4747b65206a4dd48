/**
 * The part of the Amazon States Language that the machines use, in the order in which a state is
 * written.
 */

/** A value, or a JSONata expression in its marks: `{% $states.input.source %}`. */
export type Values = Readonly<Record<string, unknown>>;

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds: number;
  readonly MaxAttempts: number;
  readonly BackoffRate: number;
  readonly MaxDelaySeconds: number;
  readonly JitterStrategy: "FULL";
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly Assign?: Values;
  readonly Output?: unknown;
  readonly Next: string;
}

/** Where a state goes, and what it leaves behind. */
export interface Flow {
  readonly Assign?: Values;
  readonly Output?: unknown;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
  readonly Next?: string;
  readonly End?: true;
}

export interface State extends Flow {
  readonly Comment?: string;
  readonly Type: "Task" | "Pass" | "Choice" | "Map" | "Succeed" | "Fail";
  /** What only some types of states have. */
  readonly [field: string]: unknown;
}

export type States = Readonly<Record<string, State>>;

export interface Definition {
  /** For the reader of the generated file: what the machine does, and its input. */
  readonly about: readonly string[];
  readonly comment: string;
  readonly timeoutSeconds: number;
  readonly startAt: string;
  readonly states: States;
}

/** A function of the stack, as the parts of infra/ speak of it. */
import type { Reach } from "./network.ts";
import type { Statement } from "./template.ts";

export interface FunctionSpec {
  /** The key in serverless.yml, and the name after the prefix. */
  readonly key: string;
  /** The module in functions/. */
  readonly module: string;
  /** Works for this source alone, under a role that is named by it. */
  readonly source?: string;
  readonly rights: readonly Statement[];
  /** Needs the engines' programs. */
  readonly tools?: boolean;
  /** Says which network it works in (network.ts). */
  readonly reach?: Reach;
  /**
   * Is called by a service that does not wait for its end: a failure in it has nobody to see it but
   * a queue.
   */
  readonly unattended?: boolean;
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly timeout?: number;
  readonly memorySize?: number;
}

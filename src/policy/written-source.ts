/** A source as it is written, its short texts parsed: the keys that every engine's schema has. */
import type * as z from "zod";
import type { retention, schedules, verify } from "./schema-rules.ts";
import type { identity, maxTestDuration, testSchedule } from "./schema-sources.ts";

type Schedules = z.output<ReturnType<typeof schedules>>;

export interface WrittenSource extends z.output<z.ZodObject<typeof identity>> {
  readonly engine: string;
  readonly backup: Schedules;
  readonly retention: z.output<ReturnType<typeof retention>>;
  readonly verify: z.output<ReturnType<typeof verify<z.ZodOptional<z.ZodType<string[]>>>>>;
  readonly restoreTest: {
    readonly schedule?: z.output<typeof testSchedule>;
    readonly maxDuration?: z.output<typeof maxTestDuration>;
  };
}

/** The schema of a source of files. */
import * as z from "zod";
import type { EnginePolicy } from "../../engine-policy.ts";
import { path } from "../../schema-places.ts";
import { retention, schedules, size, verify } from "../../schema-rules.ts";
import { identity, maxTestDuration, patterns, testSchedule } from "../../schema-sources.ts";
import { section, type Words } from "../../schema-terms.ts";
import { parseFilePattern } from "./file-pattern.ts";

export const name = "files";
export const kinds = {
  full: { buildsOn: "nothing" },
  incremental: { buildsOn: "latest", by: "reuse" },
  differential: { buildsOn: "latest-full", by: "reuse" },
} as const satisfies EnginePolicy["kinds"];

const filePattern = (words: Words) => patterns(parseFilePattern, "cache/**", words);

export const filesSchema = section(
  {
    engine: z.literal(name).meta({ description: "A directory tree: configuration, certificates, uploads." }),
    path: path("The directory; relative to the policy's own folder, `~/` is your home directory.", "/etc/taskmaster"),
    include: filePattern({
      description: "What is backed up, relative to `path`, with `*`, `?` and `**`.",
      samples: [["**/*.env", "certificates/**"]],
      defaultNote: "everything",
    }),
    exclude: filePattern({ description: "What is left out of that.", samples: [["cache/**"]], defaultNote: "nothing" }),
    maxHoles: size({
      description:
        "Holes of sparse files that are read, in all: a hole costs no disk and is read like data. Sparse files beyond it are left out, each with a notice.",
      samples: ["10TB"],
      defaultNote: "1TB",
    }).optional(),
    ...identity,
    backup: schedules({ name, kinds }),
    retention: retention({ name, kinds }),
    verify: verify(
      filePattern({
        description:
          "Directories (`spool/**`) and file types (`*.tmp`) that come and go: that they are empty, small or gone is never suspicious.",
        samples: [["spool/**", "*.tmp"]],
        defaultNote: "none; each directory is judged by its own history",
      }),
    ).prefault({}),
    restoreTest: section(
      { schedule: testSchedule, maxDuration: maxTestDuration },
      {
        description: "Extracting the backup into a private directory, comparing it, and measuring the time.",
        unknown: (key) => (key === "assert" ? "unknown key; assertions are queries, and a tree of files answers none" : undefined),
      },
    ).prefault({}),
  },
  { description: "A directory tree." },
);

/** As it is written, its short texts parsed. */
export type WrittenFiles = z.output<typeof filesSchema>;

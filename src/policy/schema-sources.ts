/** The schema of sources: what is backed up, when, how long it is kept and how it is proven. */
import * as z from "zod";
import { defaultMaxTestDuration, defaultName, defaultSandbox, defaultSourceCheck, defaultTier, engineNames } from "./defaults.ts";
import { parseFilePattern, parseTablePattern } from "./patterns.ts";
import { connectionReference, path } from "./schema-places.ts";
import { cron, duration, objectives, retention, schedules, size, tiers, verify } from "./schema-rules.ts";
import { choice, flag, list, notAllowed, section, term, type Words, wrongType } from "./schema-terms.ts";

const testSchedule = cron({
  description: "When the newest backup is restored into a throwaway place and compared.",
  samples: ["0 4 1 * *"],
  defaultNote: "by hand only",
}).optional();

const maxDuration = duration({
  description: "When a restore test that has not ended is ended: it is then `unproven`.",
  samples: ["4h"],
  defaultNote: defaultMaxTestDuration,
}).optional();

const expectations = ["equals", "atLeast", "atMost"] as const;
const number = (words: Words) => z.number({ error: (issue) => wrongType(issue.input, "a number") }).meta({ ...words });

const assertion = section(
  {
    sql: term((text) => (text.trim() === "" ? { problem: "the query is missing" } : { value: text.trim() }), {
      expects: "a query that gives one value",
      description: "A query that gives one value; it runs in the restored throwaway copy, never in the source.",
      samples: ["select count(*) from users"],
    }),
    equals: z
      .union([z.string(), z.number(), z.boolean()], { error: (issue) => wrongType(issue.input, "a text, a number, true or false") })
      .meta({ description: "The value must equal this.", samples: [0] })
      .optional(),
    atLeast: number({ description: "The value must be this number or more.", samples: [1] }).optional(),
    atMost: number({ description: "The value must be this number or less.", samples: [100] }).optional(),
    name: term(
      (text) =>
        /\S/.test(text) && text.length <= 200 && !text.includes("\n")
          ? { value: text.trim() }
          : { problem: "is not a name: write one line of 1 to 200 characters" },
      {
        expects: "a name",
        description: "What reports call it.",
        samples: ["there are users"],
        defaultNote: "the query",
      },
    ).optional(),
  },
  {
    description: "One check: a query and exactly one of `equals`, `atLeast`, `atMost`.",
    expects: "a mapping such as { sql: select count(*) from users, atLeast: 1 }",
    samples: [{ sql: "select count(*) from users", atLeast: 1 }],
    oneOf: expectations.map((expectation) => ({ required: [expectation] })),
  },
).refine((written) => expectations.filter((expectation) => written[expectation] !== undefined).length === 1, {
  error: () => `needs exactly one of ${expectations.join(", ")}`,
});

const extensionName = term(
  (text) => (/^[^\s,]{1,63}$/.test(text) ? { value: text } : { problem: "is not the name of an extension" }),
  { expects: "an extension's name", description: "An extension's name.", samples: ["pg_graphql"] },
);

const reference = (what: string) =>
  z
    .string({ error: (issue) => wrongType(issue.input, `the name of a ${what}`) })
    .meta({
      description: `The ${what} of this source: a name under \`${what}s\`.`,
      samples: [defaultName],
      defaultNote: `the only ${what}, else \`${defaultName}\``,
    })
    .optional();

/** The keys of every source, in the order in which people write them. */
const identity = {
  tier: choice(tiers, {
    description: "How much the source matters; gives the objectives that are not written.",
    samples: ["critical"],
  }).prefault(defaultTier),
  objectives: objectives.prefault({}),
  vault: reference("vault"),
  key: reference("key"),
  size: size({
    description:
      "How much it holds, roughly. On AWS, what is more than a Lambda can dump goes to Fargate from the first backup on; later ones go by what was measured as well.",
    samples: ["200GB"],
    defaultNote: "as it was measured",
  }).optional(),
};

const patterns = (parse: typeof parseTablePattern, example: string, words: Words) => {
  const item = { expects: `a pattern such as ${example}`, type: "pattern", description: `A pattern such as \`${example}\`.` };
  return list(term(parse, item), { expects: `a list of patterns such as [${example}]`, ...words }).optional();
};

const tablePattern = (words: Words) => patterns(parseTablePattern, "public.sessions", words);
const filePattern = (words: Words) => patterns(parseFilePattern, "cache/**", words);

export const postgresSource = section(
  {
    engine: z.literal("postgres").meta({ description: "A PostgreSQL database, 14 to 18, dumped by PostgreSQL's own tools." }),
    connection: connectionReference({
      description:
        "Where the connection stands: a libpq URI or connection string in an environment variable, a file or AWS Secrets Manager, or an entry in `pg_service.conf`. Never the connection itself.",
      samples: ["env:DATABASE_URL", { secret: "taskmaster/db" }],
    }),
    ...identity,
    backup: schedules("postgres"),
    exclude: section(
      {
        tables: tablePattern({
          description: "Tables that are left out entirely: `schema.table` with `*` and `?`.",
          samples: [["public.tmp_*"]],
          defaultNote: "none",
        }),
        data: tablePattern({
          description: "Tables whose definition is kept and whose rows are not.",
          samples: [["public.sessions", "public.cache_*"]],
          defaultNote: "none",
        }),
      },
      { description: "Tables that a backup does not need." },
    ).prefault({}),
    sourceCheck: choice(["counts", "content", "none"], {
      description:
        "What the source is asked of itself in the dump's own snapshot: `counts` (rows per table), `content` (an order-independent hash per table, computed by the server), or `none`.",
      samples: ["content"],
    }).prefault(defaultSourceCheck),
    rolePasswords: flag({
      description: "Whether roles are backed up with the hashes of their passwords; needs a superuser.",
      samples: [true],
    }).prefault(false),
    retention: retention("postgres"),
    verify: verify(
      tablePattern({
        description:
          "Tables that come and go, such as queues and staging tables: that they are empty, small or gone is never suspicious.",
        samples: [["public.queue_*", "staging.*"]],
        defaultNote: "none; each table is judged by its own history",
      }),
    ).prefault({}),
    restoreTest: section(
      {
        schedule: testSchedule,
        assert: list(assertion, {
          expects: "a list of checks such as - { sql: select count(*) from users, atLeast: 1 }",
          description: "Your own checks of the restored database.",
          samples: [[{ sql: "select count(*) from users", atLeast: 1 }]],
          defaultNote: "none",
        }).optional(),
        maxDuration,
        sandbox: choice(["required", "preferred", "none"], {
          description:
            "Code that came with the backup (functions, constraints) runs in a sandbox: `preferred` takes the strongest that the machine offers, `required` refuses to test without one, `none` uses none. See docs/sandbox.md.",
          samples: ["required"],
          defaultNote: defaultSandbox,
        }).optional(),
        withoutExtensions: list(extensionName, {
          expects: "a list of names of extensions such as [pg_graphql]",
          description:
            "Extensions of your provider that no other server has. A proof may do without them: what needs them is left out of the verdict, by name and counted; all else counts.",
          samples: [["pg_graphql", "supabase_vault"]],
          defaultNote: "none",
        }).optional(),
        foreignServers: flag({
          description:
            "Whether a restore may connect to the foreign servers that the backup defines, with the user mappings in it, to refresh materialized views.",
          samples: [true],
        }).prefault(false),
      },
      { description: "Restoring the backup into a throwaway server, comparing it, and measuring the time." },
    ).prefault({}),
  },
  { description: "A PostgreSQL database." },
);

export const filesSource = section(
  {
    engine: z.literal("files").meta({ description: "A directory tree: configuration, certificates, uploads." }),
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
    backup: schedules("files"),
    retention: retention("files"),
    verify: verify(
      filePattern({
        description:
          "Directories (`spool/**`) and file types (`*.tmp`) that come and go: that they are empty, small or gone is never suspicious.",
        samples: [["spool/**", "*.tmp"]],
        defaultNote: "none; each directory is judged by its own history",
      }),
    ).prefault({}),
    restoreTest: section(
      { schedule: testSchedule, maxDuration },
      {
        description: "Extracting the backup into a private directory, comparing it, and measuring the time.",
        unknown: (key) => (key === "assert" ? "unknown key; assertions are SQL, for sources with engine: postgres" : undefined),
      },
    ).prefault({}),
  },
  { description: "A directory tree." },
);

export const source = z
  .discriminatedUnion("engine", [postgresSource, filesSource], {
    error: (issue) =>
      issue.code === "invalid_union"
        ? notAllowed(engineOf(issue.input), engineNames)
        : wrongType(issue.input, "a mapping that begins with engine:"),
  })
  .meta({ description: "One thing that is backed up." });

function engineOf(input: unknown): unknown {
  return typeof input === "object" && input !== null && "engine" in input ? input.engine : undefined;
}

/** The schema of a PostgreSQL source. */
import * as z from "zod";
import { defaultSandbox } from "../../defaults.ts";
import type { EnginePolicy } from "../../engine-policy.ts";
import { connectionReference } from "../../schema-places.ts";
import { retention, schedules, verify } from "../../schema-rules.ts";
import { identity, maxTestDuration, patterns, testSchedule } from "../../schema-sources.ts";
import { choice, flag, list, section, term, type Words, wrongType } from "../../schema-terms.ts";
import { parseTablePattern } from "./table-pattern.ts";

export const name = "postgres";
export const kinds = { full: { buildsOn: "nothing" } } as const satisfies EnginePolicy["kinds"];
const defaultSourceCheck = "counts";

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

const tablePattern = (words: Words) => patterns(parseTablePattern, "public.sessions", words);

export const postgresSchema = section(
  {
    engine: z.literal(name).meta({ description: "A PostgreSQL database, 14 to 18, dumped by PostgreSQL's own tools." }),
    connection: connectionReference({
      description:
        "Where the connection stands: a libpq URI or connection string in an environment variable, a file or AWS Secrets Manager, or an entry in `pg_service.conf`. Never the connection itself.",
      samples: ["env:DATABASE_URL", { secret: "taskmaster/db" }],
    }),
    ...identity,
    backup: schedules({ name, kinds }),
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
    retention: retention({ name, kinds }),
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
        maxDuration: maxTestDuration,
        sandbox: choice(["required", "preferred", "none"], {
          description:
            "Code that came with the backup (functions, constraints) runs in a sandbox: `preferred` takes the strongest that the machine offers, `required` refuses to test without one, `none` uses none. See docs/sandbox.md.",
          samples: ["required"],
          defaultNote: defaultSandbox,
        }).optional(),
        extensions: list(extensionName, {
          expects: "a list of names of extensions such as [postgis, vector]",
          description:
            "Extensions of the source beyond PostgreSQL's own. `npm run layer` adds them to a stack's layer, packaging and preflight look for them; on a machine they are installed beside its PostgreSQL.",
          samples: [["postgis", "vector"]],
          defaultNote: "none",
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

/** As it is written, its short texts parsed. */
export type WrittenPostgres = z.output<typeof postgresSchema>;

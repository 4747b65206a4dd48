/**
 * What a policy knows of the toy engine: a list of lines behind an address and a token, backed up
 * in four kinds.
 */
import * as z from "zod";
import type { EnginePolicy } from "../../src/policy/engine-policy.ts";
import type { ConnectionReference, SourceConfig } from "../../src/policy/policy.ts";
import { connectionReference } from "../../src/policy/schema-places.ts";
import { retention, schedules, verify } from "../../src/policy/schema-rules.ts";
import { identity, maxTestDuration, patterns, testSchedule } from "../../src/policy/schema-sources.ts";
import { section, term } from "../../src/policy/schema-terms.ts";

export interface ToySource extends SourceConfig {
  /** A file with lines, which stands for a server. */
  readonly address: string;
  readonly token: ConnectionReference;
}

const name = "toy";
const kinds = {
  full: { buildsOn: "nothing" },
  incremental: { buildsOn: "latest", by: "chain" },
  differential: { buildsOn: "latest-full", by: "chain" },
  log: { buildsOn: "latest", by: "chain" },
} as const satisfies EnginePolicy["kinds"];

const schema = section(
  {
    engine: z.literal(name).meta({ description: "A list of lines behind an address." }),
    address: term((text) => (text.startsWith("/") ? { value: text } : { problem: "is not the address of a toy" }), {
      expects: "an address such as /toys/lines",
      description: "Where the lines are.",
      samples: ["/toys/lines"],
    }),
    token: connectionReference({ description: "Where to find the token that opens it.", samples: ["env:TOY_TOKEN"] }),
    ...identity,
    backup: schedules({ name, kinds }),
    retention: retention({ name, kinds }),
    verify: verify(patterns((text) => ({ value: text }), "line-*", { description: "Lines that come and go." })).prefault({}),
    restoreTest: section(
      { schedule: testSchedule, maxDuration: maxTestDuration },
      { description: "Reading the lines into memory." },
    ).prefault({}),
  },
  { description: "A toy." },
);

export const toyPolicy: EnginePolicy<ToySource, z.output<typeof schema>> = {
  name,
  kinds,
  reach: "network",
  units: { objects: ["toy", "toys"], rows: ["line", "lines"] },
  secretVariables: ["TOY_PASSWORD"],
  schema,
  resolve: ({ address, token }, common, paths) => ({
    ...common,
    address,
    token: paths.resolveSecret(token, ["sources", common.name, "token"]),
  }),
  secretsOf: ({ token }) => [token],
  initial: {
    options: [
      { name: "toy-address", value: "address", description: "where the lines are", sample: "/toys/lines" },
      {
        name: "token",
        value: "reference",
        description: "where to find the token",
        default: "env:TOY_TOKEN",
        sample: "env:TOY_TOKEN",
      },
    ],
    lines: ({ "toy-address": address, token }, common) =>
      `    engine: toy\n    address: ${address}\n    token: ${token}\n\n${common}\n`,
  },
  valueForms: [{ name: "pattern of lines", written: "`line-*`", meaning: "`*` any characters" }],
  restore: { targets: "a file", flags: [{ name: "polish", description: "polish every line" }] },
};

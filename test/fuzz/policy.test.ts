/** Any text ends in a policy or in a PolicyInvalid whose problems name positions in the text. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import { fuzz } from "../support/fuzz.ts";

const examples = join(projectDirectory, "examples");
const seeds = readdirSync(examples, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yml"))
  .map((name) => readFileSync(join(examples, name)));

const dictionary = [
  ..."version: 1\n|vaults:|keys:|sources:\n|alerts:|timezone: UTC\n|  main: |postgres|files|engine: |path: |retention: |daily: 3\n".split(
    "|",
  ),
  ...'connection: |env:|file:~/|kms:|s3://|folder:|exclude: |include: |restoreTest: |schedule: |"0 2 * * *"|objectives: |rpo: 1h\n'.split(
    "|",
  ),
  ..."&a |*a|<<: |!!str |!<x> |? |- |: |{|}|[|]|,|#|---\n|...\n|%YAML 1.2\n|>|>-|0x10|.nan|1e999|null|~|true|\"|'|\\u0000|\ufeff".split(
    "|",
  ),
  "|",
  "__proto__: ",
  "constructor: ",
  "toString: ",
  "\r\n",
  "\t",
];

it("policies: any text is a policy or named problems with positions", async () => {
  await fuzz({
    name: "policy",
    seeds,
    dictionary,
    maxBytes: 8_192,
    run(input) {
      const text = input.toString("utf8");
      try {
        const policy = parsePolicy(text, "holdfast.yml", { directory: "/base", home: "/home/ops" });
        expect(Object.keys(policy.sources).length).toBeGreaterThan(0);
      } catch (error) {
        if (!isHoldfastError(error, "PolicyInvalid")) throw error;
        expect(error.details.length).toBeGreaterThan(0);
        const lines = text.split("\n").length;
        for (const detail of error.details) {
          const line = /^holdfast\.yml:(\d+):\d+: ./u.exec(detail)?.[1];
          if (line === undefined || Number(line) > lines) throw new Error(`no position in the text: ${detail}`);
        }
      }
    },
  });
});

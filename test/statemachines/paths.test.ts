import { expect, it } from "vitest";
import { machineNames } from "./machines.ts";
import { allPaths, somePaths } from "./paths.ts";
import { playPath } from "./play-path.ts";

const head = `# Every way through the state machines

What becomes of a run, by what its Tasks end with. The table is made by a test (\`test/statemachines/paths.test.ts\`), which walks every way in this project's interpreter; \`test/integration/stack/second-interpreter.test.ts\` walks the same ways in another
(moto's, which was LocalStack's, with another implementation of JSONata) and compares states, Arguments, tries, waits and ends, one error of each family; \`npm run exhaustive\` does it with each error that any machine names, for good and once.

A family of errors stands for all of them: *a passing fault of Lambda*, *throttled*, *the function is pending* (its image or network is made anew), *Fargate is full* (no vCPUs), *too large for a Lambda* (time, memory or disk ran out), *another retryable error* (of the catalogue). Their names are in \`statemachines/fragments/errors.ts\`.
\`alerted\` before a cause keeps the rule on executions from telling it once more; without it, the rule tells.

## Where the second interpreter differs from AWS

| moto 5.2.5 | AWS | so |
|---|---|---|
| refuses \`$\` within a predicate (\`$states.result[$ = 0]\`) | takes no \`$\` at an expression's top level (Step Functions developer guide, "Transforming data with JSONata in Step Functions") | the machines use no bare \`$\` |
| refuses a Fail state's name that begins with \`States.\` | "the error names cannot begin with the \`States.\` prefix" (the same guide, "Handling errors in Step Functions workflows") | the machines report \`Timeout\` for \`States.Timeout\` |
| has no JSONata of its own: it expects a Java virtual machine | JSONata | corrected: PyPI's \`jsonata-python\` |
| takes \`ToleratedFailurePercentage\` with a decimal point alone, and ignores it | a number from 0 to 100 (the same guide, "Setting failure thresholds for Distributed Map states") | corrected; every child of these machines ends well, whatever it met |
| reads no mock configuration; has it for LocalStack's | none (Step Functions Local had one) | the answers are put where LocalStack puts them |
| children of a Distributed Map see the parent's variables | they do not (the same guide, "Passing data between states with variables") | the first interpreter and the local cloud see to it |
| waits for a retry in real time | | corrected: the waits are noted and compared with the Retry |
`;

it("are all listed in docs/machine-paths.md", async () => {
  const lines = [head];
  const paths = somePaths(allPaths());
  for (const machine of machineNames) {
    lines.push(`## ${machine}`, "", "| Task | ends with | tries | then | and so |", "|---|---|---|---|---|");
    for (const path of paths) {
      if (path.machine !== machine) continue;
      const { status, error, cause = "", trail, calls } = await playPath(path);
      const from = path.state === undefined ? 0 : trail.indexOf(path.state) + 1;
      const tries = path.state === undefined ? "" : String(calls.filter(({ state }) => state === path.state).length);
      const end = status === "SUCCEEDED" ? "done" : `${error}${cause.startsWith("alerted: ") ? ", alerted" : ""}`;
      lines.push(`| ${path.state ?? ""} | ${path.what} | ${tries} | ${trail.slice(from).join(" → ")} | ${end} |`);
    }
    lines.push("");
  }
  await expect(`${lines.join("\n").trimEnd()}\n`).toMatchFileSnapshot("../../docs/machine-paths.md");
});

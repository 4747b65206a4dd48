/**
 * `npm run prove-on-aws`: shows on an account of AWS's what only one can show, and takes everything
 * away again. docs/prove-on-aws.md says what it makes, what it costs, and what each step prints.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { projectDirectory } from "../cache-directory.ts";
import type { Proof, ProofStep } from "./proof-step.ts";
import { removalSteps } from "./removal.ts";
import { describeSteps, type ProofRun, runSteps } from "./run-proof.ts";
import { proofSteps } from "./steps.ts";

const directory = ".prove-on-aws";

const usage = `npm run prove-on-aws -- [--dry-run] [--yes] [--clean-up] [--keep]
  --dry-run             prints every command and what it must print; asks nobody and starts nothing
  --yes                 does not ask
  --clean-up            removes what an earlier run has left, and nothing else
  --keep                does not remove anything at the end
  --region REGION       default: AWS_REGION, else eu-central-1
  --stage STAGE         default: proof
  --connection SECRET   the secret of a database that there is; default: RDS's smallest is made
  --param NAME=VALUE    of osls, again and again; default: the layer that \`npm run layer\` writes`;

/** Prices of 2026 (docs/costs.md), for two hours. */
const cost = `Cost: under 1 USD. Two hours of a db.t4g.micro (0.04) and of the proving network's endpoints (0.10), some minutes of
Lambda and Step Functions (0.05), keys for a day (0.15; none while they wait for their deletion), and a few requests.`;

const { values } = parseArgs({
  options: {
    "dry-run": { type: "boolean", default: false },
    yes: { type: "boolean", default: false },
    "clean-up": { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    region: { type: "string", default: process.env["AWS_REGION"] ?? "eu-central-1" },
    stage: { type: "string", default: "proof" },
    connection: { type: "string" },
    param: { type: "string", multiple: true, default: ["layer=holdfast-tools-arm64.zip"] },
  },
});

/** The same from run to run, so that what one has left the next can remove. */
function readUnique(): string {
  const file = join(projectDirectory, directory, "unique");
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return randomBytes(4).toString("hex");
  }
}

const say = (line: string): void => console.log(line);

async function isWanted(): Promise<boolean> {
  if (values.yes) return true;
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await reader.question('Type "prove" to begin: ')).trim() === "prove";
  } finally {
    reader.close();
  }
}

async function main(): Promise<number> {
  if (values.help) {
    say(usage);
    return 0;
  }
  const { region, stage, connection, param } = values;
  const proof: Proof = { stage, region, connection, parameters: param, unique: readUnique(), directory };
  const proving = values["clean-up"] ? [] : proofSteps(proof);
  const [who, ...steps] = values["clean-up"] ? proofSteps(proof).slice(0, 1) : proving;
  const all = [who as ProofStep, ...steps];
  const removal = values.keep ? [] : removalSteps(proof);
  const minutes = [...all, ...removal].reduce((sum, each) => sum + each.minutes, 0);
  for (const line of describeSteps([...all, ...removal])) say(line);
  say(`\nIn ${region}, as the stage ${stage}; about ${minutes} minutes.\n${cost}\n`);
  if (values["dry-run"]) return 0;
  if (!(await isWanted())) {
    say("Nothing was started.");
    return 1;
  }
  const run: ProofRun = {
    cwd: projectDirectory,
    directory,
    environment: {
      ...process.env,
      PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_PAGER: "",
    },
    say,
  };
  return proveAndRemove(all, removal, run, proof);
}

async function proveAndRemove(
  steps: readonly ProofStep[],
  removal: readonly ProofStep[],
  run: ProofRun,
  proof: Proof,
): Promise<number> {
  const saved = new Map<string, string>();
  let failed = 0;
  const attempt = async (part: readonly ProofStep[]): Promise<void> => {
    try {
      await runSteps(part, run, saved);
    } catch (error) {
      failed += 1;
      console.error(`NOT SHOWN: ${(error as Error).message}\n`);
    }
  };
  await attempt([rememberUnique(proof), ...steps]);
  // Each by itself: what one cannot remove must not leave the others there.
  for (const step of removal) await attempt([step]);
  say(failed === 0 ? "Shown." : `${failed} parts were not shown. What is left: npm run prove-on-aws -- --clean-up`);
  return failed === 0 ? 0 : 1;
}

/** Before anything is made. */
function rememberUnique({ unique }: Proof): ProofStep {
  const writes = { file: "unique", text: `${unique}\n` };
  return { title: "Remember the names", minutes: 0, commands: [{ run: ["node", "--version"], writes }] };
}

process.exitCode = await main();

/**
 * `npm run cloud [-- --policy FILE] [--port N] [--pauses N]`: the real stack in a local cloud, with
 * a PostgreSQL source, left running until Ctrl-C. Mail and Slack's messages are shown here. Nothing
 * of it is left afterwards.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { createSampleDatabase } from "../demo/sample-data.ts";
import type { PostgresServer } from "../test/support/postgres-server.ts";
import { projectDirectory } from "./cache-directory.ts";
import { type Mail, watchMail } from "./cloud-mail.ts";
import { account, region, rootEnvironment, stackName } from "./cloud-stack.ts";
import { type LocalCloud, startLocalCloud } from "./local-cloud.ts";
import { startProgress } from "./step-progress.ts";

/** MiniStack's own. */
const usualPort = "4566";
/**
 * A source that is down is asked again for some minutes before the alert: too long for somebody who
 * tries it out.
 */
const usualPauses = "0.1";

const { values } = parseArgs({
  options: {
    policy: { type: "string", default: join(projectDirectory, "examples/taskmaster/holdfast.yml") },
    port: { type: "string", default: usualPort },
    pauses: { type: "string", default: usualPauses },
  },
});

const stopped = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
});
let isUp = false;
// While it is being built, ending is enough: what was started goes when this process does.
void stopped.then(() => {
  if (!isUp) process.exit(130);
});

const pauses = Number(values.pauses);
if (!(pauses > 0 && pauses <= 1)) {
  console.error(`--pauses ${values.pauses}: give a number above 0, and 1 at most; 1 waits as long as in AWS`);
  process.exit(2);
}

const progress = startProgress((line) => console.log(line));
const webhook = await startWebhook();
try {
  const cloud = await startLocalCloud({
    policy: values.policy,
    port: Number(values.port),
    webhook: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/services/local`,
    fill: fillDatabase,
    waitScale: pauses,
    onStep: progress.step,
    onDetail: progress.doing,
  });
  progress.step("up");
  progress.end();
  using _mail = await watchMail(cloud.ministack.endpoint, showMail);
  isUp = true;
  explain(cloud);
  await stopped;
  console.log("\nstopping ...");
  await cloud[Symbol.asyncDispose]();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  progress.end();
  webhook.closeAllConnections();
  webhook.close();
}

/** The example's sample where the policy has one beside it, else the demo's. */
async function fillDatabase(server: PostgresServer, source: string): Promise<void> {
  const sample = join(dirname(values.policy), "sample.sql");
  if (!existsSync(sample)) return createSampleDatabase(server, source);
  await server.sql(`create database "${source}"`);
  await server.sql(await readFile(sample, "utf8"), source);
}

/** Plays Slack: shows what it is sent. */
async function startWebhook(): Promise<Server> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString("utf8");
    });
    request.on("end", () => {
      const { text } = JSON.parse(body) as { text: string };
      console.log(`\nSlack: ${text}`);
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return server;
}

/** As a mail program would: who, what, and the text. */
function showMail({ to, subject, body }: Mail): void {
  const text = body.trimEnd().replaceAll("\n", "\n  | ");
  console.log(`\nMail to ${to.join(", ")}\n  Subject: ${subject}\n  | ${text}`);
}

function explain({ ministack, policy, postgres }: LocalCloud): void {
  const [source = ""] = Object.keys(policy.sources);
  const arn = `arn:aws:states:${region}:${account}:stateMachine:${stackName}`;
  const start = (machine: string, input: object): string =>
    `aws stepfunctions start-execution --state-machine-arn ${arn}-${machine} \\\n    --input '${JSON.stringify(input)}'`;
  const holdfast = `npx holdfast --stack ${stackName}`;
  const lines = [
    "",
    `${stackName} is deployed at ${ministack.endpoint}; IAM is enforced, and the key "test" is the account's root.`,
    `The source: psql "${postgres.urlOf(source)}"`,
    "",
    "In another terminal, in this directory:",
    ...Object.entries(rootEnvironment(ministack.endpoint)).map(([name, value]) => `  export ${name}=${value}`),
    `  export HOLDFAST_PG_PATH=${postgres.binDir}`,
    "",
    `  ${holdfast} backup ${source}`,
    `  ${holdfast} restore-test ${source}`,
    `  ${holdfast} list`,
    `  ${holdfast} restore ${source}@latest --to ${source}_restored`,
    "",
    "or, with the AWS command line:",
    `  ${start("backup", { source, kind: "full" })}`,
    `  ${start("restore-test", { source })}`,
    `  ${start("verify", { sources: [source], olderThanHours: 0 })}`,
    `  ${start("fleet", { what: "backup" })}`,
    "",
    `To see an alert, stop the source: kill ${postgres.pid}; then start a backup. Pauses between retries are ${pauses} of AWS's (--pauses 1: as there).`,
    "Mail and Slack's messages appear here. Ctrl-C ends it, and forgets everything.",
  ];
  console.log(lines.join("\n"));
}

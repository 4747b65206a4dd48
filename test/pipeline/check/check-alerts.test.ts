/** What `check` says of a policy's alerts, before one is needed. */
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkAlerts } from "../../../src/pipeline/check/check-alerts.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../../support/files-project.ts";

let project: FilesProject;
let server: Server;
let url = "";

beforeAll(async () => {
  project = await createFilesProject();
  server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/services/secret-part`;
});

afterAll(async () => {
  server.close();
  await project[Symbol.asyncDispose]();
});

async function check(alerts: string, environment: Readonly<Record<string, string>> = {}, deployed = false) {
  await project.writePolicy(`${treePolicy}${alerts}\n`);
  const context = await project.open();
  return checkAlerts({ ...context, run: { ...context.run, environment } }, { deployed });
}

test("a policy that notifies nobody is a warning with the way to fix it", async () => {
  expect(await check("")).toEqual([
    {
      level: "warning",
      subject: "alerts",
      message: "no channel is named for critical alerts: a failed backup notifies nobody",
      remedy: expect.stringContaining("slack:env:SLACK_WEBHOOK"),
    },
  ]);
});

test("mail alone reaches nobody from a machine, and somebody from a stack", async () => {
  const alerts = "alerts: { critical: [email:ops@example.com] }";
  expect(await check(alerts)).toMatchObject([{ level: "warning", message: expect.stringContaining("needs an AWS stack") }]);
  expect(await check(alerts, {}, true)).toMatchObject([{ level: "ok" }]);
});

test("a webhook is looked at without a message, and never repeated", async () => {
  const alerts = "alerts: { critical: [slack:env:HOOK] }";
  expect(await check(alerts, { HOOK: url })).toEqual([
    { level: "ok", subject: "alerts", message: "slack:env:HOOK: 127.0.0.1 answers; nothing was sent" },
  ]);
  for (const [value, message] of [
    ["http://127.0.0.1:1/services/secret-part", "slack:env:HOOK: 127.0.0.1 cannot be reached (ECONNREFUSED)"],
    ["ftp://example.com/secret-part", "slack:env:HOOK does not hold the https address of a webhook"],
    ["", "slack:env:HOOK: environment variable HOOK is not set"],
  ] as const) {
    const [found] = await check(alerts, { HOOK: value });
    expect(found).toMatchObject({ level: "warning", message });
    expect(JSON.stringify(found)).not.toContain("secret-part");
  }
});

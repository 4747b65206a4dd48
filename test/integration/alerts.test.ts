/** Alerts on their way: from the command line to a webhook, and from SNS to its subscribers. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { ConfirmSubscriptionCommand, CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Mail, watchMail } from "../../scripts/cloud-mail.ts";
import { stackName } from "../../scripts/cloud-stack.ts";
import { recoveryNotice } from "../../src/alerts/alert.ts";
import { renderChatbot } from "../../src/alerts/render-chatbot.ts";
import { renderSubject, renderText } from "../../src/alerts/render-text.ts";
import { sendSns } from "../../src/alerts/send-sns.ts";
import { notify } from "../../src/pipeline/notify.ts";
import { sampleAlert } from "../alerts/sample-alerts.ts";
import { createFilesProject } from "../support/files-project.ts";
import { createProject, type Project } from "../support/holdfast.ts";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { waitFor } from "../support/processes.ts";
import { type SlackServer, startSlack } from "../support/slack-server.ts";

describe("the command line with --alert", () => {
  let project: Project;
  let slack: SlackServer;
  const channels =
    "alerts: { critical: [slack:env:HOOK, email:ops@example.com], warning: [slack:env:HOOK], info: [slack:env:HOOK] }";
  const policy = (path: string): string =>
    `  tree: { engine: files, path: ${path}, tier: critical, retention: { keepLast: 5 } }\n${channels}`;

  beforeAll(async () => {
    slack = await startSlack();
    project = await createProject({ sources: policy("tree"), env: { HOOK: slack.url } });
    await mkdir(join(project.directory, "tree"));
    await writeFile(join(project.directory, "tree", "file"), "content");
  });
  afterAll(async () => {
    await project[Symbol.asyncDispose]();
    await slack[Symbol.asyncDispose]();
  });

  /** What Slack got since the last look. */
  const arrived = (): string[] => slack.received.splice(0);

  it("is quiet while all is well", async () => {
    const { code, stderr } = await project.holdfast(["backup", "tree", "--alert"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(arrived()).toEqual([]);
  });

  it("tells of a failure with the newest good backup, and changes nothing about it", async () => {
    await project.writePolicy(policy("gone"));
    onTestFinished(() => project.writePolicy(policy("tree")));
    const silent = await project.holdfast(["backup", "tree"]);
    expect(arrived()).toEqual([]);
    const { code, json, stderr } = await project.holdfast(["backup", "tree", "--alert"]);
    expect({ code, json }).toEqual({ code: silent.code, json: silent.json });
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain("alert sent (severity critical) to slack:env:HOOK");
    expect(stderr).toContain("email:ops@example.com is skipped: email is sent through SNS");
    const [message, ...further] = arrived();
    expect(further).toEqual([]);
    expect(message).toContain("CRITICAL: backup of tree failed");
    expect(message).toMatch(/\d{8}T\d{6}Z-full-\w{6}, verified, \d+ s old/);
    expect(message).toContain(`holdfast --policy ${project.policyFile} check tree`);
  });

  it("tells of damage that a verification finds, once for all backups of a source", async () => {
    const { json: backup } = await project.holdfast(["backup", "tree"]);
    await rm(join(project.vault, "artifacts", "tree", backup.backupId), { recursive: true });
    const { code } = await project.holdfast(["verify", "--all", "--alert"]);
    expect(code).toBe(4);
    const messages = arrived();
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(`CRITICAL: backup ${backup.backupId} of tree is damaged`);
    expect(messages[0]).toContain("backup tree");
    await project.holdfast(["status", "--alert"]);
    expect(arrived().filter((message) => message.includes("is damaged"))).toEqual([]);
  });

  it("tells of an older backup's damage that nobody was told of, once", async () => {
    const { json: older } = await project.holdfast(["backup", "tree"]);
    await project.holdfast(["backup", "tree"]);
    await rm(join(project.vault, "artifacts", "tree", older.backupId), { recursive: true });
    await project.holdfast(["verify", older.backupId]);
    expect(arrived()).toEqual([]);
    await project.holdfast(["status", "--alert"]);
    const damage = arrived().filter((message) => message.includes("is damaged"));
    expect(damage).toEqual([expect.stringContaining(`CRITICAL: backup ${older.backupId} of tree is damaged`)]);
    await project.holdfast(["status", "--alert"]);
    expect(arrived().filter((message) => message.includes("is damaged"))).toEqual([]);
  });

  it("warns and keeps the exit code when the alert cannot be sent, and shows no secret", async () => {
    await using refusing = await startSlack({ status: 404, body: "no_service" });
    const { code, stdout, stderr } = await project.say(["backup", "nobody", "--alert"], { HOOK: refusing.url });
    expect(code).toBe(3);
    expect(stderr).toContain('the policy has no source "nobody"');
    expect(stderr).toContain(
      "warning: an alert was not sent: slack:env:HOOK does not take the alert: it answered 404 (no_service)",
    );
    const unset = await project.say(["backup", "nobody", "--alert"], { HOOK: "" });
    expect(unset.code).toBe(3);
    expect(unset.stderr).toContain("an alert was not sent: environment variable HOOK is not set (SecretUnavailable)");
    expect(stdout + stderr + unset.stderr).not.toContain(refusing.token);
  });

  it("says that nobody was alerted when the policy cannot be read", async () => {
    const { code, stderr } = await project.say(["--policy", "missing.yml", "backup", "tree", "--alert"]);
    expect(code).toBe(2);
    expect(stderr).toContain("warning: no alert was sent: the policy, which names the channels, could not be read");
  });

  it("tells of an objective that is breached", async () => {
    await project.writePolicy(
      `${policy("tree")}`.replace("retention:", "backup: { full: '* * * * *' }, objectives: { rpo: 1m, rto: 1h }, retention:"),
    );
    onTestFinished(() => project.writePolicy(policy("tree")));
    // Every trace of the backups: artifacts or evidence without a manifest would be a loss that no
    // new backup ends.
    for (const directory of ["manifests", "artifacts", "evidence"]) {
      await rm(join(project.vault, directory), { recursive: true });
    }
    const { code } = await project.holdfast(["status", "--alert"]);
    expect(code).toBe(1);
    const messages = arrived();
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain("CRITICAL: tree misses its objectives");
    expect(messages[0]).toContain("none: nothing could be restored");
    // Cron asks every hour: nothing changed, and nothing is said; a day later, or with something
    // more, it is.
    const again = await project.say(["status", "--alert"]);
    expect({ code: again.code, sent: arrived() }).toEqual({ code: 1, sent: [] });
    await project.holdfast(["backup", "tree"]);
    const over = await project.say(["status", "--alert"]);
    expect(over.stderr).toContain("alert sent (severity info) to slack:env:HOOK");
    expect(arrived()).toEqual([expect.stringContaining("RECOVERED: well again: tree misses its objectives")]);
  });

  it("drills its channels", async () => {
    const { code, json } = await project.holdfast(["alert", "test"]);
    expect(code).toBe(0);
    expect(json.channels).toEqual([
      { channel: "slack:env:HOOK", outcome: "sent" },
      { channel: "email:ops@example.com", outcome: "skipped", error: expect.objectContaining({ class: "AlertRefused" }) },
    ]);
    expect(arrived()).toEqual([expect.stringContaining("DRILL: this is a drill")]);
    expect((await project.holdfast(["alert", "test", "email"])).code).toBe(1);
    const unknown = await project.holdfast(["alert", "test", "slack:env:OTHER"]);
    expect({ code: unknown.code, name: unknown.json.error.class }).toEqual({ code: 2, name: "UsageInvalid" });
  });
});

describe("a publication to SNS", () => {
  let cloud: MiniStackServer;
  let sns: SNSClient;
  let before: NodeJS.ProcessEnv;
  const region = "eu-central-1";
  type Notification = Record<string, string> & { MessageAttributes?: unknown };

  beforeAll(async () => {
    before = { ...process.env };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    cloud = await startMiniStack();
    sns = new SNSClient({ region, endpoint: cloud.endpoint });
  });
  afterAll(async () => {
    sns.destroy();
    await cloud.stop();
    process.env = before;
  });

  /** Subscribes a server of this test's own, and gives what it is notified of. */
  async function subscribe(topicArn: string, protocol: "http" | "https"): Promise<Notification[]> {
    const notifications: Notification[] = [];
    const tokens: string[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += chunk.toString("utf8");
      });
      request.on("end", () => {
        const message = JSON.parse(body) as Notification;
        if (message["Type"] === "SubscriptionConfirmation") tokens.push(message["Token"] ?? "");
        else notifications.push(message);
        response.end();
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    onTestFinished(() => void server.close());
    // The emulator takes a plain address for https too: what differs is the form of the message.
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${protocol}`;
    await sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: protocol, Endpoint: endpoint }));
    await waitFor("the confirmation's token", async () => tokens.length > 0, 20_000);
    await sns.send(new ConfirmSubscriptionCommand({ TopicArn: topicArn, Token: tokens[0] }));
    return notifications;
  }

  it("gives each subscriber its own form, with the attributes to filter by", async () => {
    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "holdfast-critical" }));
    const plain = await subscribe(TopicArn, "http");
    const chat = await subscribe(TopicArn, "https");
    const id = await sendSns(TopicArn, sampleAlert, { endpoint: cloud.endpoint });
    await waitFor("both notifications", async () => plain.length === 1 && chat.length === 1, 20_000);
    expect(plain[0]).toMatchObject({
      MessageId: id,
      Subject: renderSubject(sampleAlert),
      Message: renderText(sampleAlert),
      MessageAttributes: {
        severity: { Type: "String", Value: "critical" },
        kind: { Type: "String", Value: "problem" },
        source: { Type: "String", Value: "shop" },
      },
    });
    expect(JSON.parse(chat[0]?.["Message"] ?? "")).toEqual(renderChatbot(sampleAlert));
  });

  it("is shown by the local cloud as the mail that goes out, to whoever is subscribed by mail", async () => {
    const topics = new Map<string, string>();
    for (const severity of ["critical", "warning", "info"]) {
      const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: `${stackName}-${severity}` }));
      topics.set(severity, TopicArn);
    }
    const [critical = "", info = ""] = [topics.get("critical"), topics.get("info")];
    for (const Endpoint of ["ops@example.com", "boss@example.com"])
      await sns.send(new SubscribeCommand({ TopicArn: critical, Protocol: "email", Endpoint }));
    const shown: Mail[] = [];
    using _watch = await watchMail(cloud.endpoint, (mail) => shown.push(mail));
    await sendSns(info, sampleAlert, { endpoint: cloud.endpoint });
    await sendSns(critical, sampleAlert, { endpoint: cloud.endpoint });
    // An alarm of CloudWatch's is not an alert of Holdfast's.
    await sns.send(new PublishCommand({ TopicArn: critical, Subject: "ALARM: WatchAlarm", Message: '{"NewStateValue":"ALARM"}' }));
    await waitFor("both mails", () => shown.length === 2, 60_000);
    const to = ["ops@example.com", "boss@example.com"];
    expect(shown.map((mail) => ({ ...mail, to: mail.to.toSorted() }))).toEqual([
      { to: to.toSorted(), subject: renderSubject(sampleAlert), body: renderText(sampleAlert) },
      { to: to.toSorted(), subject: "ALARM: WatchAlarm", body: '{"NewStateValue":"ALARM"}' },
    ]);
  });

  it("of a recovery goes to the topic of what it ends as well", async () => {
    process.env["AWS_ENDPOINT_URL"] = cloud.endpoint;
    await using project = await createFilesProject();
    const arnOf = async (name: string) => (await sns.send(new CreateTopicCommand({ Name: name }))).TopicArn ?? "";
    const topics = { critical: await arnOf("critical"), warning: await arnOf("warning"), info: await arnOf("info") };
    const notice = recoveryNotice(sampleAlert, { now: new Date(sampleAlert.at) });
    expect(await notify(await project.open(), notice, { topics })).toEqual([
      { channel: `sns:${topics.info}`, outcome: "sent" },
      { channel: `sns:${topics.critical}`, outcome: "sent" },
    ]);
  });

  it("to a topic that is not there is refused, and one that cannot be asked is undelivered", async () => {
    const arn = `arn:aws:sns:${region}:000000000000:nowhere`;
    await expect(sendSns(arn, sampleAlert, { endpoint: cloud.endpoint })).rejects.toMatchObject({
      name: "AlertRefused",
      message: expect.stringContaining(arn),
    });
    await expect(sendSns(arn, sampleAlert, { endpoint: "http://127.0.0.1:9" })).rejects.toMatchObject({ name: "AlertUndelivered" });
  });
});

/** Slack's answers, played by a server on this machine. */
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { renderSlack } from "../../src/alerts/render-slack.ts";
import { type SlackOptions, sendSlack } from "../../src/alerts/send-slack.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { Secret } from "../../src/runtime/secret.ts";
import { type SlackAnswer, startSlack } from "../support/slack-server.ts";
import { sampleAlert } from "./sample-alerts.ts";

const ok: SlackAnswer = { status: 200, body: "ok" };

/**
 * Sends to a server that answers so; gives the pauses, the requests and the error, in which no part
 * of the address may be.
 */
async function send(answers: readonly (SlackAnswer | "hang" | "break")[], options: Partial<SlackOptions> = {}) {
  await using slack = await startSlack(...answers);
  const pauses: number[] = [];
  const wait = async (milliseconds: number): Promise<void> => void pauses.push(milliseconds);
  let error: HoldfastError | undefined;
  try {
    await sendSlack(new Secret(slack.url), renderSlack(sampleAlert), {
      channel: "slack:env:HOOK",
      wait,
      random: () => 0.5,
      ...options,
    });
  } catch (thrown) {
    if (!(thrown instanceof HoldfastError)) throw thrown;
    error = thrown;
    // Everything that a logger could print of it, causes and hidden properties included.
    expect(inspect(thrown, { depth: 20, showHidden: true })).not.toContain("SECRET");
  }
  return { pauses, requests: slack.received.length, received: slack.received, name: error?.name, message: error?.message };
}

describe("a delivery", () => {
  it("posts the message once when Slack says ok", async () => {
    const { received, name } = await send([ok]);
    expect(name).toBeUndefined();
    expect(received.map((body) => JSON.parse(body))).toEqual([renderSlack(sampleAlert)]);
  });

  it("waits as long as Slack asks on 429, then goes on", async () => {
    expect(await send([{ status: 429, headers: { "retry-after": "7" } }, ok])).toMatchObject({
      pauses: [7_000],
      requests: 2,
      name: undefined,
    });
  });

  it("does not wait for longer than half a minute", async () => {
    expect(await send([{ status: 429, headers: { "retry-after": "3600" } }, ok])).toMatchObject({
      pauses: [],
      requests: 1,
      name: "AlertUndelivered",
      message: "the alert did not reach slack:env:HOOK: it answered 429",
    });
  });

  it("backs off on 5xx, and gives up after four attempts", async () => {
    expect(await send([{ status: 503 }, { status: 500 }, ok])).toMatchObject({
      pauses: [1_000, 2_000],
      requests: 3,
      name: undefined,
    });
    expect(await send([{ status: 503 }])).toMatchObject({ pauses: [1_000, 2_000, 4_000], requests: 4, name: "AlertUndelivered" });
  });

  it.each([
    [400, "invalid_payload"],
    [403, "action_prohibited"],
    [404, "no_service"],
    [410, "channel_is_archived"],
  ])("does not ask again after %d %s", async (status, body) => {
    expect(await send([{ status, body }, ok])).toMatchObject({
      requests: 1,
      name: "AlertRefused",
      message: `slack:env:HOOK does not take the alert: it answered ${status} (${body})`,
    });
  });

  it("is not fooled by somebody else's 200, and does not repeat a page", async () => {
    expect(await send([{ status: 200, body: "<html>log in SECRET</html>" }])).toMatchObject({ requests: 1, name: "AlertRefused" });
    expect((await send([{ status: 404, body: "<html>SECRET</html>" }])).message).toMatch(/it answered 404$/);
  });

  it("follows no redirect, which would carry the alert elsewhere", async () => {
    await using elsewhere = await startSlack(ok);
    expect(await send([{ status: 302, headers: { location: elsewhere.url } }])).toMatchObject({
      requests: 1,
      name: "AlertRefused",
    });
    expect(elsewhere.received).toEqual([]);
  });

  it("does not hang with a server that does, and outlives a broken connection", async () => {
    expect(await send(["hang"], { timeoutMs: 100 })).toMatchObject({
      requests: 4,
      name: "AlertUndelivered",
      message: "the alert did not reach slack:env:HOOK: no answer within 0.1 s",
    });
    expect(await send(["break", ok])).toMatchObject({ requests: 2, name: undefined });
  });

  it("says that nobody listens", async () => {
    const slack = await startSlack();
    await slack[Symbol.asyncDispose]();
    const options = { channel: "slack:env:HOOK", wait: async () => undefined, random: () => 0 };
    await expect(sendSlack(new Secret(slack.url), renderSlack(sampleAlert), options)).rejects.toMatchObject({
      name: "AlertUndelivered",
      message: "the alert did not reach slack:env:HOOK: no connection (ECONNREFUSED)",
    });
  });

  it.each(["not an address SECRET", "http://hooks.slack.com/SECRET", "ftp://127.0.0.1/SECRET", ""])(
    "refuses %j as a webhook without repeating it",
    async (text) => {
      const options = { channel: "slack:env:HOOK", wait: async () => undefined, random: () => 0 };
      const error = await sendSlack(new Secret(text), renderSlack(sampleAlert), options).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "SecretUnavailable" });
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("SECRET");
    },
  );
});

/**
 * Plays Slack's webhooks on the loopback interface: answers as told, and keeps what it was sent.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface SlackAnswer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SlackServer extends AsyncDisposable {
  /** A webhook's address, with a path that is as secret as a real one. */
  readonly url: string;
  /** The part of the address that must be seen nowhere. */
  readonly token: string;
  /** The bodies that were posted, as text. */
  readonly received: string[];
}

/**
 * The answers in order, the last again and again; `hang` never answers, `break` cuts the
 * connection. Without any: 200 ok.
 */
export async function startSlack(...answers: readonly (SlackAnswer | "hang" | "break")[]): Promise<SlackServer> {
  const received: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString("utf8");
    });
    request.on("end", () => {
      received.push(body);
      const answer = answers[Math.min(received.length, answers.length) - 1] ?? { status: 200, body: "ok" };
      if (answer === "hang") return;
      if (answer === "break") {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.status, answer.headers);
      response.end(answer.body ?? "");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const token = "T00SECRET/B00SECRET/XXXXsecretXXXX";
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/${token}`,
    token,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

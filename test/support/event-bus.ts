/**
 * Plays EventBridge's PutEvents on the loopback interface: answers as told, keeps what it was sent.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface PutEntry {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
}

export interface EventBusServer extends AsyncDisposable {
  readonly url: string;
  readonly entries: readonly PutEntry[];
}

/** `refuses` answers as EventBridge does when an entry has no place; `breaks` with 500. */
export async function startEventBus(how: "takes" | "refuses" | "breaks" = "takes"): Promise<EventBusServer> {
  const entries: PutEntry[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString("utf8");
    });
    request.on("end", () => {
      const isPut = String(request.headers["x-amz-target"]).endsWith(".PutEvents");
      if (isPut) entries.push(...(JSON.parse(body) as { Entries: PutEntry[] }).Entries);
      const answer = how === "takes" ? { EventId: "1" } : { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "no" };
      response.writeHead(!isPut || how === "breaks" ? 500 : 200, { "content-type": "application/x-amz-json-1.1" });
      response.end(JSON.stringify({ FailedEntryCount: how === "takes" ? 0 : 1, Entries: [answer] }));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    entries,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

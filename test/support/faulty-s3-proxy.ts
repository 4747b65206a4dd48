/**
 * A proxy before a real S3 server that fails on demand: refuses, keeps silent, loses answers, cuts
 * connections.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

export type S3Operation =
  | "PutObject"
  | "GetObject"
  | "HeadObject"
  | "DeleteObject"
  | "ListObjectsV2"
  | "CreateMultipartUpload"
  | "UploadPart"
  | "CompleteMultipartUpload"
  | "AbortMultipartUpload"
  | "ListMultipartUploads"
  | "Other"
  /** Questions for a bucket's settings, by the word of their query. */
  | "versioning"
  | "versions"
  | "object-lock"
  | "encryption"
  | "lifecycle";

export type Fault =
  /** Answers with an S3 error instead of asking the server. */
  | { readonly answer: number; readonly code: string }
  /** Answers so with this document instead of asking the server. */
  | { readonly body: string }
  /** Answers 501 to requests that carry this header. */
  | { readonly refuseHeader: string }
  /** Reads this many bytes of the request and breaks the connection; the server hears nothing. */
  | { readonly cutRequestAfter: number }
  /** Passes this many bytes of the answer's body on and breaks the connection. */
  | { readonly cutAnswerAfter: number }
  /** The server does it, and its answer never arrives. */
  | { readonly loseAnswer: true }
  /** The connection stays open, and nothing comes. */
  | { readonly silent: true }
  /** Passes this many bytes of the answer's body on and falls silent. */
  | { readonly silentAfter: number }
  /** Passes the answer on in pieces, each after a pause. */
  | { readonly pauseMs: number; readonly pieceBytes: number };

export interface FaultyS3Proxy {
  readonly endpoint: string;
  /** Operations asked for so far. */
  readonly requests: readonly S3Operation[];
  /** The next `times` requests of `operation` fail as `fault` says; by default all from now on. */
  inject(operation: S3Operation, fault: Fault, times?: number): void;
  clear(): void;
  /** For so long, nobody listens, and what is connected is cut: a server that restarts. */
  goDown(forMs: number): Promise<void>;
  /** Cuts what is connected. */
  cutAll(): void;
  stop(): Promise<void>;
}

interface Injection {
  readonly operation: S3Operation;
  readonly fault: Fault;
  left: number;
}

export async function startFaultyS3Proxy(target: string): Promise<FaultyS3Proxy> {
  const requests: S3Operation[] = [];
  let injections: Injection[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => {
    const operation = operationOf(incoming);
    requests.push(operation);
    const injection = injections.find((each) => each.left > 0 && applies(each, operation, incoming));
    if (injection !== undefined) injection.left -= 1;
    handle(target, incoming, outgoing, injection?.fault);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
  });
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    inject: (operation, fault, times = Number.POSITIVE_INFINITY) => injections.push({ operation, fault, left: times }),
    cutAll,
    async goDown(forMs) {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
      await new Promise((resolve) => setTimeout(resolve, forMs));
      await new Promise<void>((resolve) => server.listen(address.port, "127.0.0.1", resolve));
    },
    clear() {
      injections = [];
      requests.length = 0;
    },
    async stop() {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function applies({ operation, fault }: Injection, asked: S3Operation, { headers, url = "" }: IncomingMessage): boolean {
  if ("refuseHeader" in fault) return operation === asked && headers[fault.refuseHeader] !== undefined;
  if (operation !== "Other" && operation !== asked) return new URL(url, "http://proxy").searchParams.has(operation);
  return operation === asked;
}

function operationOf({ method, url = "" }: IncomingMessage): S3Operation {
  const { searchParams: query, pathname } = new URL(url, "http://proxy");
  const hasKey = pathname.split("/").filter((segment) => segment !== "").length > 1;
  if (method === "POST" && query.has("uploads")) return "CreateMultipartUpload";
  if (method === "POST" && query.has("uploadId")) return "CompleteMultipartUpload";
  if (method === "PUT" && query.has("uploadId")) return "UploadPart";
  if (method === "DELETE") return query.has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
  if (method === "GET" && query.has("uploads")) return "ListMultipartUploads";
  if (method === "GET" && query.get("list-type") === "2") return "ListObjectsV2";
  if (!hasKey) return "Other";
  if (method === "PUT") return "PutObject";
  return method === "HEAD" ? "HeadObject" : "GetObject";
}

function handle(target: string, incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
  if (fault !== undefined && "silent" in fault) {
    incoming.resume();
    return;
  }
  if (fault !== undefined && ("answer" in fault || "refuseHeader" in fault)) {
    answer(incoming, outgoing, "answer" in fault ? fault : { answer: 501, code: "NotImplemented" });
    return;
  }
  if (fault !== undefined && "body" in fault) {
    incoming.resume();
    outgoing.writeHead(200, { "content-type": "application/xml" });
    outgoing.end(fault.body);
    return;
  }
  if (fault !== undefined && "cutRequestAfter" in fault) {
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes >= fault.cutRequestAfter) incoming.socket.destroy();
    });
    incoming.on("end", () => incoming.socket.destroy());
    return;
  }
  // The Host header stays the client's: it is part of what was signed.
  const { hostname, port } = new URL(target);
  const forward = request(
    { hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers },
    (response) => {
      if (fault !== undefined && "loseAnswer" in fault) {
        response.resume();
        response.on("end", () => incoming.socket.destroy());
        return;
      }
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      passOn(response, outgoing, fault).catch(() => incoming.socket.destroy());
    },
  );
  forward.on("error", () => incoming.socket.destroy());
  incoming.on("error", () => forward.destroy());
  incoming.pipe(forward);
}

function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { answer: status, code }: { answer: number; code: string },
): void {
  incoming.resume();
  incoming.on("end", () => {
    const body =
      incoming.method === "HEAD" ? "" : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`;
    outgoing.writeHead(status, { "content-type": "application/xml", "content-length": Buffer.byteLength(body) });
    outgoing.end(body);
  });
}

async function passOn(response: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): Promise<void> {
  const limit =
    fault !== undefined && "cutAnswerAfter" in fault
      ? fault.cutAnswerAfter
      : fault !== undefined && "silentAfter" in fault
        ? fault.silentAfter
        : Number.POSITIVE_INFINITY;
  let passed = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const size = fault !== undefined && "pauseMs" in fault ? fault.pieceBytes : chunk.length;
    for (let offset = 0; offset < chunk.length; offset += size) {
      const piece = chunk.subarray(offset, Math.min(offset + size, offset + limit - passed, chunk.length));
      await new Promise<void>((resolve, reject) => outgoing.write(piece, (error) => (error ? reject(error) : resolve())));
      passed += piece.length;
      if (passed >= limit) {
        if (fault !== undefined && "silentAfter" in fault) return;
        throw new Error("cut");
      }
      if (fault !== undefined && "pauseMs" in fault) await new Promise((resolve) => setTimeout(resolve, fault.pauseMs));
    }
  }
  if (limit === 0) throw new Error("cut");
  outgoing.end();
}

/**
 * What stands before a real PostgreSQL here as RDS does with IAM authentication: it takes TLS only,
 * asks for a password, and takes a token that a known key has signed for this server, this user and
 * these minutes. The signature is computed again with nothing of the signer that made it.
 */
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { ServerCertificates } from "./server-certificates.ts";

export interface RdsServerOptions {
  /** Of the server behind, which lets the user in from 127.0.0.1 without a password. */
  readonly serverPort: number;
  readonly certificates: ServerCertificates;
  readonly region: string;
  /** The secret key of an access key; undefined: nobody's. */
  readonly secretOf: (accessKeyId: string) => string | undefined;
}

export interface Login {
  readonly token: string;
  readonly accessKeyId: string;
  readonly sessionToken: string | null;
}

export interface RdsServer extends AsyncDisposable {
  readonly port: number;
  /** Tokens that were taken, in order. */
  readonly logins: readonly Login[];
  /** Why tokens were refused, and connections without TLS. */
  readonly refusals: readonly string[];
}

/** PostgreSQL's protocol 3: numbers of requests that stand in a startup message's first field. */
const [tlsRequest, gssRequest, cancelRequest] = [80_877_103, 80_877_104, 80_877_102];
/** RDS: a token is taken for 15 minutes. */
const tokenMs = 900_000;

/** Starts one on a free port of 127.0.0.1. */
export async function startRdsServer(options: RdsServerOptions): Promise<RdsServer> {
  const logins: Login[] = [];
  const refusals: string[] = [];
  const sockets = new Set<Socket>();
  const context = createSecureContext({
    cert: readFileSync(options.certificates.certFile),
    key: readFileSync(options.certificates.keyFile),
  });
  let port = 0;
  const serve = async (socket: Socket): Promise<void> => {
    let request = await readMessage(socket, false);
    if (request.readInt32BE(4) === gssRequest) {
      socket.write("N");
      request = await readMessage(socket, false);
    }
    if (request.readInt32BE(4) === cancelRequest) return void socket.end();
    if (request.readInt32BE(4) !== tlsRequest) return refuse(socket, refusals, "no pg_hba.conf entry: no encryption");
    socket.write("S");
    const client = new TLSSocket(socket, { isServer: true, secureContext: context });
    client.on("error", () => undefined);
    const startup = await readMessage(client, false);
    if (startup.readInt32BE(4) === cancelRequest) return passOn(client, options.serverPort, startup);
    const user = readParameter(startup, "user");
    // AuthenticationCleartextPassword.
    client.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
    const password = await readMessage(client, true);
    const token = password.toString("utf8", 5, password.length - 1);
    const problem = judge(token, { ...options, port, user }, logins);
    if (problem !== undefined) return refuse(client, refusals, problem);
    passOn(client, options.serverPort, startup);
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    serve(socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    port,
    logins,
    refusals,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One message, whose length stands in its first four bytes, or after its type. */
async function readMessage(socket: Socket, typed: boolean): Promise<Buffer> {
  const from = typed ? 1 : 0;
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const wanted = bytes.length < from + 4 ? from + 4 : from + bytes.readInt32BE(from);
    if (bytes.length >= from + 4 && bytes.length >= wanted) return bytes;
    const more = socket.read(wanted - bytes.length) as Buffer | null;
    if (more !== null) bytes = Buffer.concat([bytes, more]);
    else
      await new Promise<void>((resolve, reject) => {
        socket.once("readable", resolve);
        socket.once("close", () => reject(new Error("closed")));
      });
  }
}

function readParameter(startup: Buffer, name: string): string {
  const parts = startup.toString("utf8", 8).split("\0");
  return parts[parts.indexOf(name) + 1] ?? "";
}

function refuse(socket: Socket, refusals: string[], problem: string): void {
  refusals.push(problem);
  const fields = Buffer.from(`SFATAL\0VFATAL\0C28000\0MPAM authentication failed: ${problem}\0\0`);
  const header = Buffer.alloc(5);
  header.write("E");
  header.writeInt32BE(fields.length + 4, 1);
  socket.end(Buffer.concat([header, fields]));
}

/** The server behind gets the client's own words, and the client the server's. */
function passOn(client: Socket, port: number, startup: Buffer): void {
  const behind = connect(port, "127.0.0.1", () => behind.write(startup));
  behind.on("error", () => client.destroy());
  client.on("close", () => behind.destroy());
  client.pipe(behind);
  behind.pipe(client);
}

interface Asked extends RdsServerOptions {
  readonly port: number;
  readonly user: string;
}

function judge(token: string, asked: Asked, logins: Login[]): string | undefined {
  const url = URL.canParse(`https://${token}`) ? new URL(`https://${token}`) : undefined;
  if (url === undefined || url.host !== `localhost:${asked.port}` || url.pathname !== "/") return "the token names another server";
  const given = (name: string): string => url.searchParams.get(name) ?? "";
  if (given("Action") !== "connect" || given("DBUser") !== asked.user) return "the token is not for this user";
  const [accessKeyId = "", day, region, service, end] = given("X-Amz-Credential").split("/");
  if (region !== asked.region || service !== "rds-db" || end !== "aws4_request") return "the token is for another service";
  const at = given("X-Amz-Date").replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  const age = Date.now() - Date.parse(at);
  if (!(Math.abs(age) < tokenMs) || given("X-Amz-Expires") !== "900" || day !== given("X-Amz-Date").slice(0, 8))
    return "the token is not of these minutes";
  const secret = asked.secretOf(accessKeyId);
  if (secret === undefined) return "nobody has this access key";
  if (signatureOf(token, secret) !== given("X-Amz-Signature")) return "the signature is wrong";
  logins.push({ token, accessKeyId, sessionToken: url.searchParams.get("X-Amz-Security-Token") });
  return undefined;
}

/**
 * AWS Signature Version 4 of a presigned request (IAM user guide, "Create a signed AWS API
 * request"), over the query as it was sent.
 */
export function signatureOf(token: string, secret: string): string {
  const [host = "", query = ""] = token.split("/?");
  const signed = query.split("&").filter((part) => !part.startsWith("X-Amz-Signature="));
  const value = (name: string): string =>
    decodeURIComponent(signed.find((part) => part.startsWith(`${name}=`))?.split("=")[1] ?? "");
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  const request = ["GET", "/", signed.toSorted().join("&"), `host:${host}\n`, "host", hash("")].join("\n");
  const scope = value("X-Amz-Credential").split("/").slice(1);
  const text = ["AWS4-HMAC-SHA256", value("X-Amz-Date"), scope.join("/"), hash(request)].join("\n");
  const key = scope.reduce((from: Buffer, part) => createHmac("sha256", from).update(part).digest(), Buffer.from(`AWS4${secret}`));
  return createHmac("sha256", key).update(text).digest("hex");
}

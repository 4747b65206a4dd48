/**
 * A run that is stopped while it connects ends at once: the driver by itself would wait for a
 * server's answer, or for ever.
 */
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { type Connection, connect } from "../../../../src/engines/postgres/connection/driver.ts";
import { HoldfastError } from "../../../../src/errors/holdfast-error.ts";

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

/** A server that takes connections and does what it is told with each. */
async function serve(answer: (socket: Socket) => void): Promise<number> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    answer(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function connectTo(port: number, signal: AbortSignal, sslmode: "disable" | "require" = "disable"): Promise<Connection> {
  const settings = { host: "127.0.0.1", port, user: "u", database: "d", sslmode, connectTimeoutSeconds: 3_600, variables: {} };
  return connect(settings, signal);
}

/**
 * AuthenticationSASL with SCRAM-SHA-256: the server's first word to a client that must log in
 * (PostgreSQL manual, "Message Formats").
 */
const askForPassword = Buffer.concat([
  Buffer.from([0x52, 0, 0, 0, 24, 0, 0, 0, 10]),
  Buffer.from("SCRAM-SHA-256\0\0", "latin1"),
  Buffer.alloc(1),
]);

it.each([
  ["says nothing", "disable", (socket: Socket): void => void socket.resume()],
  [
    "begins the login and goes silent",
    "disable",
    (socket: Socket): void => void socket.once("data", () => socket.write(askForPassword)),
  ],
  ["agrees to TLS and goes silent", "require", (socket: Socket): void => void socket.once("data", () => socket.write("S"))],
] as const)(
  "stops at once where the server %s",
  async (_name, sslmode, answer) => {
    const controller = new AbortController();
    const port = await serve((socket) => {
      answer(socket);
      setTimeout(() => controller.abort(new HoldfastError("Interrupted", "stopped by the test")), 50);
    });
    await expect(connectTo(port, controller.signal, sslmode)).rejects.toMatchObject({ message: "stopped by the test" });
    // Nobody is left connected, either.
    await expect.poll(() => sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded)).toBe(true);
  },
  20_000,
);

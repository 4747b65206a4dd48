/**
 * A server that speaks as much of PostgreSQL's protocol as it takes to be logged in to, and then
 * sends what a test wants.
 */
import { createServer, type Socket } from "node:net";

export interface HostileServer extends AsyncDisposable {
  readonly port: number;
  readonly connections: () => number;
}

/** A message of the protocol: its letter, its length, its body. */
export function message(letter: string, ...parts: readonly (Buffer | string | number)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "number" ? int32(part) : Buffer.from(part as string))));
  return Buffer.concat([Buffer.from(letter, "latin1"), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const int16 = (value: number): Buffer => int32(value).subarray(2);

/** One row of texts; null for SQL's null. */
export function row(...values: readonly (string | null)[]): Buffer {
  const fields = values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), Buffer.from(value)]));
  return message("D", int16(values.length), ...fields);
}

/** The description of columns of type text, or of the types given. */
export function columns(...names: readonly (string | readonly [string, number])[]): Buffer {
  const fields = names.flatMap((entry) => {
    const [name, type] = typeof entry === "string" ? [entry, 25] : entry;
    return [`${name}\0`, int32(0), int16(0), int32(type), int16(-1), int32(-1), int16(0)];
  });
  return message("T", int16(names.length), ...fields);
}

export const ready = message("Z", "I");
export const complete = message("C", "SELECT 1\0");
export const notice = message("N", "SNOTICE\0", "C00000\0", "Mhello\0", "\0");

/** What a server sends after a login: its process is number 4711. */
export const loggedIn = Buffer.concat([message("R", 0), message("S", "server_version\0", "17.0\0"), message("K", 4711, 1), ready]);

/** The answer to what the driver asks of every server first. */
export const identity = Buffer.concat([
  message("C", "BEGIN\0"),
  message("C", "SET\0"),
  columns(["pid", 23], "version", ["standby", 16], ["read_only", 16], "encoding"),
  row("4711", "170000", "f", "f", "UTF8"),
  complete,
  message("C", "COMMIT\0"),
  ready,
]);

/** The answer to the settings. */
export const settingsMade = Buffer.concat([message("C", "SET\0"), ready]);

/**
 * Answers the n-th message of the client (0: the start of the connection) with `answer(n, socket)`;
 * undefined: nothing.
 */
export async function startHostileServer(answer: (turn: number, socket: Socket) => Buffer | undefined): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    let turn = 0;
    socket.on("data", () => {
      const bytes = answer(turn, socket);
      turn += 1;
      if (bytes !== undefined && socket.writable) socket.write(bytes);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    connections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends the same bytes for as long as the other side reads them. */
export function sendForever(socket: Socket, bytes: Buffer): void {
  const many = Buffer.concat(Array.from({ length: Math.max(1, Math.floor(65_536 / bytes.length)) }, () => bytes));
  const send = (): void => {
    while (socket.writable && !socket.destroyed) if (!socket.write(many)) break;
  };
  socket.on("drain", send);
  send();
}

/**
 * A connection pooler for tests: logs clients in itself, and lends them server sessions for a
 * transaction or for as long as they stay.
 */
import { connect, createServer, type Socket } from "node:net";
import { message } from "./hostile-server.ts";

export interface Pooler extends AsyncDisposable {
  readonly port: number;
}

export interface PoolerOptions {
  readonly serverPort: number;
  readonly database: string;
  /** A role that the server lets in without a password. */
  readonly user: string;
  readonly mode: "transaction" | "session";
  readonly sessions: number;
}

interface Session {
  readonly socket: Socket;
  /** Who gets what the server sends. */
  reader: (message: Buffer) => void;
}

/**
 * Starts one on a free port of 127.0.0.1. Clients need no password; what they ask for at the login
 * is not passed on, as poolers do.
 */
export async function startPooler(options: PoolerOptions): Promise<Pooler> {
  const sockets = new Set<Socket>();
  const idle: Session[] = [];
  const waiting: ((session: Session) => void)[] = [];
  let opened = 0;

  async function borrow(): Promise<Session> {
    const free = idle.pop();
    if (free !== undefined) return free;
    if (opened >= options.sessions) return new Promise((resolve) => waiting.push(resolve));
    opened += 1;
    const session = await openSession(options);
    sockets.add(session.socket);
    return session;
  }
  function giveBack(session: Session): void {
    const next = waiting.shift();
    if (next === undefined) idle.push(session);
    else next(session);
  }

  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => undefined);
    serveClient(client, options.mode, borrow, giveBack);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serveClient(
  client: Socket,
  mode: PoolerOptions["mode"],
  borrow: () => Promise<Session>,
  giveBack: (session: Session) => void,
): void {
  let started = false;
  let session: Session | undefined;
  const unread = createUnread((bytes) => (started ? 1 + bytes.readUInt32BE(1) : bytes.readUInt32BE(0)));
  const release = (): void => {
    if (session === undefined) return;
    const lent = session;
    session = undefined;
    giveBack(lent);
  };
  let turn = Promise.resolve();
  client.on("data", (chunk: Buffer) => {
    for (const piece of unread(chunk, () => (started ? 5 : 4))) {
      if (!started && [80_877_103, 80_877_104].includes(piece.readUInt32BE(4))) {
        // Asked for TLS or GSSAPI.
        client.write("N");
        continue;
      }
      if (!started) {
        // Told to the client: a process of no server.
        started = true;
        client.write(
          Buffer.concat([message("R", 0), message("S", "server_version\0", "17.0\0"), message("K", 99_999, 1), message("Z", "I")]),
        );
        continue;
      }
      turn = turn.then(async () => {
        if (piece[0] === 0x58) return void client.end();
        session ??= await borrow();
        session.reader = (answer) => {
          client.write(answer);
          if (mode === "transaction" && answer[0] === 0x5a && answer[5] === 0x49) release();
        };
        session.socket.write(piece);
      });
    }
  });
  client.on("close", release);
}

/** Cuts a stream into messages. */
function createUnread(lengthOf: (bytes: Buffer) => number): (chunk: Buffer, headerBytes: () => number) => Iterable<Buffer> {
  let kept = Buffer.alloc(0);
  return function* (chunk, headerBytes) {
    kept = Buffer.concat([kept, chunk]);
    while (kept.length >= headerBytes() && kept.length >= lengthOf(kept)) {
      const piece = kept.subarray(0, lengthOf(kept));
      kept = kept.subarray(piece.length);
      yield piece;
    }
  };
}

async function openSession({ serverPort, database, user }: PoolerOptions): Promise<Session> {
  const socket = connect(serverPort, "127.0.0.1");
  socket.on("error", () => undefined);
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, "latin1");
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  socket.write(Buffer.concat([length, body]));
  const session: Session = { socket, reader: () => undefined };
  const unread = createUnread((bytes) => 1 + bytes.readUInt32BE(1));
  await new Promise<void>((resolve, reject) => {
    session.reader = (answer) => {
      if (answer[0] === 0x5a) resolve();
      if (answer[0] === 0x45) reject(new Error(answer.toString("latin1")));
    };
    socket.on("data", (chunk: Buffer) => {
      for (const piece of unread(chunk, () => 5)) session.reader(Buffer.from(piece));
    });
  });
  return session;
}

/**
 * Rows into a table by COPY … FROM STDIN, in the session and the transaction that a caller has
 * open: psql would commit by itself, and the rows are to be looked at before they count.
 */
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { Connection } from "../connection/driver.ts";

/** The parts of the driver's connection that COPY needs; `pg` keeps them for pg-copy-streams. */
interface CopyConnection extends EventEmitter {
  readonly stream: Duplex;
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

/** A COPY that is open: rows are written until `end`. */
export interface CopyIn {
  /** Rows of COPY's text format, in pieces of any size; resolves when more may be written. */
  write(bytes: Buffer): Promise<void>;
  /** Resolves when the server has taken all rows. Errors: the server's own, as the driver's. */
  end(): Promise<void>;
  /** Gives it up; the transaction is then aborted. Never throws. */
  fail(): Promise<void>;
}

/** Starts `statement`, a COPY … FROM STDIN. Errors: the server's own, as the driver's. */
export async function startCopy({ client, lost }: Pick<Connection, "client" | "lost">, statement: string): Promise<CopyIn> {
  const query = new CopyQuery(statement);
  (client as unknown as { query(query: CopyQuery): unknown }).query(query);
  const orLost = <T>(work: Promise<T>): Promise<T> => Promise.race([work, lost.then((error) => Promise.reject(error))]);
  query.done.catch(() => undefined);
  await orLost(Promise.race([query.opened, query.done]));
  return {
    write: (bytes) => orLost(query.write(bytes)),
    end: () => orLost(query.end()),
    fail: () => orLost(query.fail()).catch(() => undefined),
  };
}

/** What the driver calls a submittable: it is told what the server answers. */
class CopyQuery {
  readonly opened: Promise<void>;
  readonly done: Promise<void>;
  /** The driver calls it with an error when the connection ends before the query did. */
  callback: (error?: Error) => void;
  #open: () => void = () => undefined;
  #connection: CopyConnection | undefined;
  #error: Error | undefined;
  readonly #statement: string;

  constructor(statement: string) {
    this.#statement = statement;
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
    let settle: (error?: Error) => void = () => undefined;
    this.done = new Promise((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.callback = settle;
  }

  submit(connection: CopyConnection): void {
    this.#connection = connection;
    connection.query(this.#statement);
  }

  handleCopyInResponse(): void {
    this.#open();
  }

  /** A row that the server does not take: it reads no further, and what follows is not sent. */
  handleError(error: Error): void {
    this.#error = error;
    this.#connection?.stream.emit("drain");
    this.callback(error);
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.callback(this.#error);
  }

  handleRowDescription(): void {}

  handleDataRow(): void {}

  handleEmptyQuery(): void {}

  async write(bytes: Buffer): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    const connection = this.#connection as CopyConnection;
    connection.sendCopyFromChunk(bytes);
    if (connection.stream.writableNeedDrain) await onceAny(connection.stream, ["drain", "close"]);
  }

  async end(): Promise<void> {
    if (this.#error === undefined) this.#connection?.endCopyFrom();
    await this.done;
  }

  async fail(): Promise<void> {
    if (this.#error === undefined) this.#connection?.sendCopyFail("given up");
    await this.done;
  }
}

function onceAny(emitter: EventEmitter, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      for (const event of events) emitter.off(event, go);
      resolve();
    };
    for (const event of events) emitter.on(event, go);
  });
}

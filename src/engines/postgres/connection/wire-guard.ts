/**
 * Watches what a server sends: a hostile or broken one must not fill the memory, crash the process
 * or be waited for without end.
 */
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { Client } from "pg";
import { markRawBytes, unmarkRawBytes } from "./raw-names.ts";
import { hasTexts, hasWholeTexts } from "./wire-texts.ts";

/** What one answer may come to. */
export interface AnswerLimits {
  readonly maxRows: number;
  /** Of all messages, with some for the memory that each costs here. */
  readonly maxBytes: number;
  /**
   * For so long the server may be silent; 0 for questions whose answers take the time they take
   * (counts).
   */
  readonly maxSilenceMs: number;
}

/**
 * A list of all tables and columns of a database of 100,000 tables stays below; a catalogue
 * question is answered in seconds.
 */
export const listLimits: AnswerLimits = { maxRows: 1_000_000, maxBytes: 256 * 1024 * 1024, maxSilenceMs: 15 * 60_000 };
/** For statements that take the time they take: counts, restores' statements, assertions. */
export const patientLimits: AnswerLimits = { ...listLimits, maxSilenceMs: 0 };
/** For questions that have one row as their answer. */
export const rowLimits: AnswerLimits = { maxRows: 1, maxBytes: 16 * 1024 * 1024, maxSilenceMs: 15 * 60_000 };

/**
 * One row, name or error message; libpq refuses 1 GB, and nothing that is asked here comes near
 * this.
 */
const maxMessageBytes = 64 * 1024 * 1024;
/** Notices, parameters and the like in one answer: a server sends some twenty at a login. */
const maxOtherMessages = 10_000;
/** What a small row costs in memory beside its bytes. */
const rowOverheadBytes = 64;
const headerBytes = 5;
const dataRow = 0x44;

/**
 * The parts of the driver's connection that are watched; `pg` keeps them stable though it does not
 * document them.
 */
interface WireConnection extends EventEmitter {
  stream: Duplex;
  attachListeners(stream: EventEmitter): void;
  query(text: string): void;
  parse(query: unknown): void;
}

export interface WireGuard {
  /** The limits of the next question that is put into the driver's queue. */
  expect(limits: AnswerLimits): void;
  /** The limits, from now on, of questions for which none are expected. */
  setUsual(limits: AnswerLimits): void;
  /** From now on names may hold bytes that are not UTF-8. */
  keepRawBytes(): void;
}

/**
 * Puts the guard between the driver and its socket; before `connect`. `first` are the limits of
 * questions for which none are expected, until `setUsual`. A breach ends the connection with an
 * error that says which.
 */
export function guardWire(client: Client, first: AnswerLimits): WireGuard {
  const connection = (client as unknown as { connection: WireConnection }).connection;
  const expected: AnswerLimits[] = [];
  let usual = first;
  const state: AnswerState = { limits: usual, rows: 0, bytes: 0, others: 0 };
  let raw = false;
  let failed = false;
  const fail = (error: Error): void => {
    if (failed) return;
    failed = true;
    clearTimeout(state.timer);
    connection.stream.destroy();
    connection.emit("error", error);
  };
  const begin = (): void => {
    Object.assign(state, { limits: expected.shift() ?? usual, rows: 0, bytes: 0, others: 0 });
    waitForData(state, fail);
  };

  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const checked = new EventEmitter();
    attach(checked);
    const frames = createFrameReader(state, () => raw);
    stream.on("data", (chunk: Buffer) => {
      if (failed) return;
      state.timer?.refresh();
      try {
        for (const part of frames(chunk)) checked.emit("data", part);
      } catch (error) {
        fail(new Error(`the server's answer breaks the protocol: ${(error as Error).message}`, { cause: error }));
      }
    });
    stream.on("end", () => checked.emit("end"));
  };
  const { query, parse } = connection;
  connection.query = (text) => {
    begin();
    if (raw) connection.stream.write(queryMessage(text));
    else query.call(connection, text);
  };
  connection.parse = (statement) => {
    begin();
    if (raw) connection.stream.write(parseMessage((statement as { readonly text: string }).text));
    else parse.call(connection, statement);
  };
  connection.on("readyForQuery", () => clearTimeout(state.timer));
  connection.once("end", () => clearTimeout(state.timer));
  return {
    expect: (limits) => void expected.push(limits),
    setUsual: (limits) => {
      usual = limits;
    },
    keepRawBytes: () => {
      raw = true;
    },
  };
}

interface AnswerState {
  limits: AnswerLimits;
  rows: number;
  bytes: number;
  others: number;
  timer?: NodeJS.Timeout;
}

function waitForData(state: AnswerState, fail: (error: Error) => void): void {
  clearTimeout(state.timer);
  const { maxSilenceMs } = state.limits;
  if (maxSilenceMs === 0) return;
  state.timer = setTimeout(() => fail(new Error(`the server said nothing for ${maxSilenceMs / 1000} s`)), maxSilenceMs);
}

function queryMessage(text: string): Buffer {
  return message(0x51, Buffer.concat([unmarkRawBytes(text), Buffer.of(0)]));
}

/** Of a statement without a name, whose parameters have no types. */
function parseMessage(text: string): Buffer {
  return message(0x50, Buffer.concat([Buffer.of(0), unmarkRawBytes(text), Buffer.of(0, 0, 0)]));
}

function message(type: number, body: Buffer): Buffer {
  const header = Buffer.from([type, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/**
 * Checks each message by its header as it comes, and its texts before it is parsed; gives chunks on
 * as they are, or whole messages where bytes are marked.
 */
function createFrameReader(state: AnswerState, raw: () => boolean): (chunk: Buffer) => Buffer[] {
  let header = Buffer.alloc(0);
  let remaining = 0;
  let kept: Buffer[] = [];
  return (chunk) => {
    const whole: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      if (remaining === 0) {
        const piece = chunk.subarray(at, at + headerBytes - header.length);
        header = Buffer.concat([header, piece]);
        at += piece.length;
        kept.push(piece);
        if (header.length < headerBytes) break;
        remaining = countMessage(state, header);
      } else {
        const piece = chunk.subarray(at, at + remaining);
        at += piece.length;
        remaining -= piece.length;
        kept.push(piece);
      }
      if (header.length === headerBytes && remaining === 0) {
        if (hasTexts(header[0]) && !hasWholeTexts(Buffer.concat(kept))) throw new Error("a text without an end");
        if (raw()) whole.push(header[0] === dataRow ? markRow(Buffer.concat(kept)) : Buffer.concat(kept));
        header = Buffer.alloc(0);
        kept = [];
      }
    }
    const isRaw = raw();
    // The socket's buffer is used again.
    kept = isRaw || header.length < headerBytes || hasTexts(header[0]) ? kept.map((piece) => Buffer.from(piece)) : [];
    return isRaw ? whole : [chunk];
  };
}

/**
 * The bytes that follow the header. Errors: a plain Error for a message that no server sends, or
 * one too many.
 */
function countMessage(state: AnswerState, header: Buffer): number {
  const bytes = header.readUInt32BE(1) - 4;
  if (bytes < 0 || bytes > maxMessageBytes) throw new Error(`a message of ${bytes} bytes`);
  const isRow = header[0] === dataRow;
  state.rows += isRow ? 1 : 0;
  state.others += isRow ? 0 : 1;
  state.bytes += bytes + rowOverheadBytes;
  const { maxRows, maxBytes } = state.limits;
  if (state.rows > maxRows) throw new Error(`more than ${maxRows} rows`);
  if (state.others > maxOtherMessages) throw new Error(`more than ${maxOtherMessages} messages that are not rows`);
  if (state.bytes > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
  return bytes;
}

/** A DataRow message with its values marked. */
function markRow(message: Buffer): Buffer {
  if (message.every((byte, at) => byte < 0x80 || at < headerBytes + 2) || message.length < headerBytes + 2) return message;
  const parts: Buffer[] = [message.subarray(0, headerBytes + 2)];
  for (let at = headerBytes + 2; at < message.length; ) {
    const length = message.readInt32BE(at);
    const value = length < 0 ? Buffer.alloc(0) : markRawBytes(message.subarray(at + 4, at + 4 + length));
    const size = Buffer.alloc(4);
    size.writeInt32BE(length < 0 ? -1 : value.length);
    parts.push(size, value);
    at += 4 + Math.max(0, length);
  }
  const marked = Buffer.concat(parts);
  marked.writeUInt32BE(marked.length - 1, 1);
  return marked;
}

/**
 * Conversations of a server with the driver, changed at random: what the property and the fuzz
 * script try the driver with.
 */
import fc from "fast-check";
import { connect } from "../../src/engines/postgres/connection/driver.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { startHostileServer } from "./hostile-server.ts";

/** The server's answers, one for each message of the client. */
export type Conversation = readonly Buffer[];

type Change = {
  readonly kind: "flip" | "cut" | "insert" | "repeat" | "swap";
  readonly turn: number;
  readonly at: number;
  readonly bytes: Uint8Array;
};

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom("flip", "cut", "insert", "repeat", "swap"),
  turn: fc.nat({ max: 3 }),
  at: fc.nat({ max: 400 }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 24 }),
});

function apply(conversation: Conversation, { kind, turn, at, bytes }: Change): Conversation {
  const answers = [...conversation];
  const answer = Buffer.from(answers[turn] ?? Buffer.alloc(0));
  const index = answer.length === 0 ? 0 : at % answer.length;
  if (kind === "flip") answer.set(Buffer.from(bytes).subarray(0, answer.length - index), index);
  if (kind === "flip") answers[turn] = answer;
  if (kind === "cut") answers[turn] = answer.subarray(0, index);
  if (kind === "insert") answers[turn] = Buffer.concat([answer.subarray(0, index), bytes, answer.subarray(index)]);
  if (kind === "repeat") answers[turn] = Buffer.concat(Array.from({ length: 1 + (at % 40) }, () => answer));
  if (kind === "swap") answers[turn] = answers[at % answers.length] ?? answer;
  return answers;
}

/** The conversation with one to four changes. */
export function mutate(conversation: Conversation): fc.Arbitrary<Conversation> {
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => changes.reduce(apply, conversation));
}

/**
 * Connects to a server with these answers and asks one question. Rejects where anything but a
 * result or an error of the catalogue comes of it.
 */
export async function askAround(conversation: Conversation): Promise<void> {
  const loose: unknown[] = [];
  const note = (error: unknown): void => void loose.push(error);
  process.on("uncaughtException", note);
  await using server = await startHostileServer((turn) => conversation[turn] ?? conversation.at(-1));
  const settings = {
    host: "127.0.0.1",
    port: server.port,
    user: "u",
    database: "d",
    sslmode: "disable" as const,
    connectTimeoutSeconds: 0.1,
    variables: {},
  };
  // The question's own limit on silence is longer than a test may wait: the run's end stops what
  // still waits.
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new HoldfastError("Interrupted", "stopped by the test")), 300);
  try {
    const connection = await connect(settings, stop.signal);
    try {
      await connection.rows("SELECT 1 AS a");
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
  } finally {
    clearTimeout(timer);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("uncaughtException", note);
  }
  if (loose.length > 0) throw new Error(`loose errors: ${loose.join(", ")}`);
}

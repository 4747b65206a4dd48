/**
 * A process that writes to a folder vault until it is killed, or does one thing and says how it
 * went; for tests of what is left.
 */
import { systemClock } from "../../src/runtime/clock.ts";
import { openFolderStore } from "../../src/vault/folder/store.ts";
import { patternedBytes } from "./streams.ts";

const [root = "", task = "", argument = ""] = process.argv.slice(2);
const store = openFolderStore(root, { clock: systemClock });

/** `writer:round:size;` over and over: a whole object says itself how long it must be. */
async function* selfDescribing(text: string, bytes: number): AsyncGenerator<Uint8Array> {
  const pattern = Buffer.from(`${text}:${bytes};`);
  for (let sent = 0; sent < bytes; sent += 65_536) yield Buffer.alloc(Math.min(65_536, bytes - sent), pattern);
}

async function writeForEver(): Promise<never> {
  for (let round = 0; ; round += 1) {
    const size = [10, 300, 70_000, 1_500_000][round % 4] ?? 10;
    await store.put(`artifacts/${argument}/${round % 7}/new-${round}`, selfDescribing(`${argument}:${round}`, size), {
      ifAbsent: true,
    });
    await store.put(`replaced/${argument}`, selfDescribing(`${argument}:${round}`, size));
    const current = await store.head("counter");
    const count = current === undefined ? 0 : Number((await read("counter")).toString());
    const next = Buffer.from(String(count + 1));
    // Another writer may be faster; that is what the condition is for.
    await store.put("counter", next, current === undefined ? { ifAbsent: true } : { ifMatch: current.etag }).then(
      () => process.stdout.write("counted\n"),
      () => undefined,
    );
    if (round % 3 === 0) await store.delete(`artifacts/${argument}/${round % 7}/new-${round}`);
  }
}

/** One chunk again and again: whatever memory grows is the store's. */
async function* sameBytes(bytes: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(100_000, 1);
  for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk;
}

async function read(key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await store.get(key)).body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function report(work: () => Promise<unknown>): Promise<void> {
  const outcome = await work().then(
    () => ({ name: "done", message: "" }),
    ({ name, message }: Error) => ({ name, message }),
  );
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

if (task === "write-for-ever") await writeForEver();
if (task === "put") await report(() => store.put("artifacts/large", patternedBytes(Number(argument), 1), { ifAbsent: true }));
if (task === "read") await report(() => read(argument));
if (task === "delete") await report(() => store.delete(argument));
if (task === "memory") {
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  const started = performance.now();
  await store.put("artifacts/large", sameBytes(Number(argument)));
  clearInterval(sampling);
  process.stdout.write(`${JSON.stringify({ peak, seconds: (performance.now() - started) / 1000 })}\n`);
}

/**
 * Seals a stream of so many MiB into a file, opens it again, and prints the process's peak memory
 * and what it loaded of node_modules. Arguments: MiB, compress.
 */
import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { openStream } from "../../../src/sealing/open.ts";
import { sealStream } from "../../../src/sealing/seal.ts";
import { context, keysOfFiles, makeKeyPlace, neverAborted } from "../../sealing/sealing-fixture.ts";

const [mebibytes, compress] = [Number(process.argv[2]), process.argv[3] === "true"];
const place = await makeKeyPlace();
try {
  const keys = await keysOfFiles((await place.makeKey("main.key")).path);
  const file = join(place.directory, "sealed");
  const sealed = sealStream(Readable.from(content(mebibytes), { objectMode: false }), {
    keys,
    context,
    compress,
    signal: neverAborted,
  });
  await pipeline(sealed.body, createWriteStream(file));
  const stored = createReadStream(file, { highWaterMark: 1024 * 1024 });
  let openedBytes = 0;
  for await (const chunk of openStream(stored, await sealed.figures, { keys, context, signal: neverAborted })) {
    openedBytes += (chunk as Buffer).length;
  }
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  const loaded = Object.keys(createRequire(import.meta.url).cache).map((path) => path.replace(/^.*node_modules\//, ""));
  process.stdout.write(JSON.stringify({ openedBytes, peakRssBytes, loaded }));
} finally {
  await place.remove();
}

/** Half random, half repeated, as a pipe would deliver it. */
function* content(size: number): Generator<Buffer> {
  for (let given = 0; given < size * 16; given += 1) {
    yield Buffer.concat([randomBytes(32 * 1024), Buffer.alloc(32 * 1024, "row of text ")]);
  }
}

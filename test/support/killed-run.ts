/**
 * A backup run that dies by SIGKILL at a chosen write:
 * `node killed-run.ts <policy> <source> <point>`. Every put has three points (before, amid, after),
 * every delete two. Prints nothing; ends normally when the run has fewer points.
 */
import { runBackup } from "../../src/pipeline/run-backup.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { openPipeline } from "./pipeline.ts";

const [policyFile = "", source = "", point = "0"] = process.argv.slice(2);
let pointsLeft = Number(point);

function pass(): void {
  if (pointsLeft === 0) process.kill(process.pid, "SIGKILL");
  pointsLeft -= 1;
}

async function* passAmid(body: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first = true;
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    yield chunk;
    if (first) pass();
    first = false;
  }
}

function killing(store: ObjectStore): ObjectStore {
  return {
    url: store.url,
    locks: store.locks,
    listHidden: store.listHidden.bind(store),
    inspect: store.inspect.bind(store),
    get: store.get.bind(store),
    head: store.head.bind(store),
    list: store.list.bind(store),
    abortStaleUploads: store.abortStaleUploads.bind(store),
    close: store.close.bind(store),
    async put(key, body, options) {
      pass();
      const result = await store.put(key, passAmid(body), options);
      pass();
      return result;
    },
    async delete(key) {
      pass();
      const lock = await store.delete(key);
      pass();
      return lock;
    },
  };
}

const context = await openPipeline({ policyFile, env: process.env, wrapStore: killing });
await runBackup(context, { source, kind: "full", verify: true, prune: true });
context.close();

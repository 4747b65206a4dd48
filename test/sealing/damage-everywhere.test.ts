/** Damage in every part of an artifact, at every length, and in a gigabyte behind its end. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import { openStream } from "../../src/sealing/open.ts";
import {
  collect,
  context,
  failureOf,
  flipped,
  forged,
  type KeyPlace,
  keysOfFiles,
  makeKeyPlace,
  neverAborted,
  open,
  partsOf,
  type SealedBytes,
  seal,
} from "./sealing-fixture.ts";

const frame = 1024 * 1024;
let place: KeyPlace;
let keys: SealingKeys;
let small: SealedBytes;
let large: SealedBytes;

beforeAll(async () => {
  place = await makeKeyPlace();
  keys = await keysOfFiles((await place.makeKey("main.key")).path);
  small = await seal(randomBytes(50), { keys });
  large = await seal(randomBytes(2 * frame + 1000), { keys });
});
afterAll(() => place.remove());

describe("a damaged artifact", () => {
  it("is found in every part of a message of several frames", async () => {
    for (const [part, at] of Object.entries(partsOf(large))) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const bytes = flipped(large.bytes, at, mask);
        expect((await failureOf(open(bytes, large.figures, { keys }))).name, `${part}, mask ${mask}`).toBe("ArtifactDamaged");
        const forgery = await failureOf(open(bytes, forged(large.figures, bytes), { keys, size: 999_983 }));
        expect(forgery.name, `${part}, mask ${mask}, forged`).toBe("SealInvalid");
      }
    }
  });

  it("is found when it is cut off anywhere", async () => {
    for (let length = 0; length < small.bytes.length; length += 1) {
      const bytes = small.bytes.subarray(0, length);
      expect((await failureOf(open(bytes, small.figures, { keys }))).name, `${length} bytes`).toBe("ArtifactDamaged");
      expect((await failureOf(open(bytes, forged(small.figures, bytes), { keys }))).name, `${length} bytes, forged`).toBe(
        "SealInvalid",
      );
    }
    for (const [part, at] of Object.entries(partsOf(large))) {
      const bytes = large.bytes.subarray(0, at);
      expect((await failureOf(open(bytes, large.figures, { keys }))).name, `before ${part}`).toBe("ArtifactDamaged");
      expect((await failureOf(open(bytes, forged(large.figures, bytes), { keys }))).name, `before ${part}, forged`).toBe(
        "SealInvalid",
      );
    }
  });

  it("is found without keeping in memory what was appended, however much", async () => {
    let most = 0;
    const stored = Readable.from(
      (function* () {
        yield small.bytes;
        for (let given = 0; given < 1024; given += 1) {
          yield Buffer.alloc(frame);
          most = Math.max(most, process.memoryUsage().arrayBuffers);
        }
      })(),
      { objectMode: false },
    );
    const before = process.memoryUsage().arrayBuffers;
    const stream = openStream(stored, small.figures, { keys, context, signal: neverAborted });
    expect((await failureOf(collect(stream))).name).toBe("ArtifactDamaged");
    // The library alone would hold all of the gigabyte; what is free but not collected yet is a
    // fraction of it.
    expect(most - before).toBeLessThan(512 * frame);
  });
});

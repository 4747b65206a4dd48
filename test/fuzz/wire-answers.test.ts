/**
 * What a server sends, whatever it is, ends in a result or an error of the catalogue: never a
 * crash, a hang or a full memory.
 */
import { it } from "vitest";
import { fuzz } from "../support/fuzz.ts";
import { columns, complete, identity, loggedIn, message, notice, ready, row, settingsMade } from "../support/hostile-server.ts";
import { askAround } from "../support/wire-conversations.ts";

const answer = Buffer.concat([columns("a"), row("1"), complete, ready]);
/** The answers of a whole conversation, one after the other; where one ends, the input says. */
const seeds = [
  Buffer.concat([loggedIn, identity, settingsMade, answer]),
  Buffer.concat([message("R", 10, "SCRAM-SHA-256\0\0"), message("R", 11, "r=abc,s=QUJD,i=4096"), loggedIn]),
  Buffer.concat([message("R", 5, "salt"), message("E", "SFATAL\0", "C28P01\0", "Mno\0", "\0")]),
  Buffer.concat([loggedIn, notice, message("A", 1, "c\0", "p\0"), message("G", Buffer.from([0, 0, 0]))]),
];
const dictionary = [
  "R\0\0\0\x08\0\0\0\0",
  "Z\0\0\0\x05I",
  "Z\0\0\0\x05T",
  "D\0\0\0\x0a\0\x01",
  "K\0\0\0\x0c",
  "\xff\xff\xff\xff",
  "\x7f\xff\xff\xff",
];

it("answers of a server", async () => {
  await fuzz(
    {
      name: "wire-answers",
      seeds,
      dictionary,
      maxBytes: 4_096,
      async run(input, random) {
        const turns = 1 + random.below(4);
        const size = Math.ceil(input.length / turns);
        await askAround(Array.from({ length: turns }, (_, turn) => input.subarray(turn * size, (turn + 1) * size)));
      },
    },
    60,
  );
});

/** No page sends anyone to a redrive: it goes on at the state that ended the execution. */
import { expect, test } from "vitest";
import { definitions } from "../../statemachines/definitions/all.ts";
import { pages } from "./pages.ts";

test("every failure of a machine is caught and ends in a Fail state, which a redrive would only enter again", () => {
  for (const [name, { states }] of Object.entries(definitions)) {
    const failing = Object.entries(states).filter(([, { Type }]) => Type === "Task" || Type === "Map");
    expect(failing.length).toBeGreaterThan(0);
    for (const [state, { Catch }] of failing) {
      expect(Catch?.at(-1)?.ErrorEquals, `${name}: ${state}`).toEqual(["States.ALL"]);
    }
  }
});

test("no page tells anyone to type a redrive", () => {
  const typed = pages.flatMap(({ path, text }) => (/^\s*(?:aws .*)?redrive-execution/m.test(text) ? [path] : []));
  expect(typed).toEqual([]);
});

/** docs/events.md says what the schema says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { eventTypes, maxEventBackups } from "../../src/alerts/event.ts";
import { pages } from "./pages.ts";

const page = pages.find(({ path }) => path === "docs/events.md")?.text ?? "";
const schema = JSON.parse(readFileSync(join(import.meta.dirname, "..", "..", "schema", "event.schema.json"), "utf8"));

it("lists every event with when it is said", () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+\.[a-z]+)` \| (.*) \|$/gm)].map(([, type, when]) => [type, when]);
  expect(rows).toEqual(Object.entries(eventTypes).map(([type, { when }]) => [type, when]));
});

it("describes every member", () => {
  const members = new Set((schema.oneOf as { properties: object }[]).flatMap(({ properties }) => Object.keys(properties)));
  for (const member of members) expect(page, member).toContain(`\`${member}\``);
  expect(page).toContain(`the first ${maxEventBackups.toLocaleString("en")} ids`);
});

it("shows an event that the schema takes", () => {
  const [, sample = ""] = /^```json\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const isEvent = new Ajv2020({ validateFormats: false }).compile(schema);
  expect(isEvent(JSON.parse(sample)), JSON.stringify(isEvent.errors)).toBe(true);
});

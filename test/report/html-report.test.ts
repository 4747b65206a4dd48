import { describe, expect, it } from "vitest";
import { escapeHtml, html } from "../../src/report/html.ts";
import { renderReport } from "../../src/report/html-report.ts";
import type { ReportModel, ReportTest } from "../../src/report/report-model.ts";
import { sampleReport } from "./sample-report.ts";

/** The document's tags, and its text as a reader sees it. */
function read(document: string): { tags: string[]; text: string } {
  const body = document.replace(/<style>[\s\S]*?<\/style>/, "");
  const text = body
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, "&");
  return { tags: body.match(/<[^>]*>/g) ?? [], text };
}

const voidTags = ["!doctype", "meta"];

/** Whether every tag that was opened is closed, in order. */
function findUnbalanced(tags: readonly string[]): string[] {
  const open: string[] = [];
  for (const tag of tags) {
    const [, slash, name = ""] = /^<(\/?)([a-z!0-9]+)/i.exec(tag) ?? [];
    if (voidTags.includes(name)) continue;
    if (slash === "") open.push(name);
    else if (open.pop() !== name) return [`${tag} closes nothing`];
  }
  return open;
}

describe("renderReport", () => {
  const document = renderReport(sampleReport());
  const { tags, text } = read(document);

  it("is one well-formed document that needs nothing else and may run nothing", () => {
    expect(document.startsWith('<!doctype html>\n<html lang="en">')).toBe(true);
    expect(findUnbalanced(tags)).toEqual([]);
    expect(document).toContain("default-src 'none'; style-src 'unsafe-inline'");
    expect(tags.filter((tag) => /<(script|link|img|iframe|object)|src=|https?:/i.test(tag))).toEqual([]);
    expect(document).toContain("@media (prefers-color-scheme: dark)");
    expect(document).toContain("@media print");
    // Sections follow each other on paper; and no cell is blank.
    expect(document).not.toContain("break-before");
    expect(document).not.toMatch(/<td[^>]*><\/td>/);
    expect(document).toContain("<svg");
  });

  it("tells objectives, measurements, evidence, comparisons, retention and holds", () => {
    for (const said of [
      "0 of 2 sources are ok, 1 with warnings, 1 in breach",
      "20261120T020000Z-full-aaaaaa, verified, 10 h old; objective 24 h: met",
      "postgres, critical; kept in s3://acme-backups",
      "Restored against the backup 14 objects, 120,034 rows, 34.5 MB: no difference",
      "Assertions 1 of 2 passed",
      "load 3 min 5 s",
      "table public.orders 3 rows fewer",
      "newest of 2026-11-20 (daily 1 of 30)",
      "Pruning is refused: the newest backup is suspicious",
      "court order 7 of 2026",
      "No backup is held.",
      "How to read this report",
    ]) {
      expect(text).toContain(said);
    }
  });

  it("labels every column and section for a screen reader, and leads from the summary to each source", () => {
    const targets = tags.flatMap((tag) => / id="([^"]*)"/.exec(tag)?.[1] ?? []);
    const uses = tags.flatMap((tag) => / (?:aria-labelledby="|href="#)([^"]*)"/.exec(tag)?.[1] ?? []);
    expect(uses.length).toBeGreaterThan(4);
    expect(uses.filter((id) => !targets.includes(id))).toEqual([]);
    expect(new Set(targets).size).toBe(targets.length);
    expect(tags.filter((tag) => /^<th[ >]/.test(tag) && !tag.includes("scope="))).toEqual([]);
  });

  it("makes every text from outside harmless, wherever it stands", () => {
    const evil = `<script>alert("x")</script>'"><img src=x onerror=alert(1)>\u202e&amp;`;
    const poisoned = poison(sampleReport(), evil);
    const harmed = renderReport(poisoned);
    const count = JSON.stringify(poisoned).split("<script>").length - 1;
    expect(count).toBeGreaterThan(40);
    expect(harmed).not.toMatch(/<script|<img|\u202e/);
    expect(harmed.split("&lt;script&gt;").length - 1).toBeGreaterThan(40);
    expect(findUnbalanced(read(harmed).tags)).toEqual([]);
    expect(read(harmed).tags.filter((tag) => / on[a-z]+=/i.test(tag.replaceAll(/"[^"]*"/g, '""')))).toEqual([]);
  });

  it("stays readable where there is nothing to tell", () => {
    const empty: ReportModel = { ...sampleReport(), status: { at: "", timezone: "UTC", verdict: "ok", sources: [] }, sources: [] };
    expect(read(renderReport(empty)).text).toContain("the policy has no sources");
    const [shop, ...rest] = sampleReport().sources;
    if (shop === undefined) throw new Error("no sample");
    const bare = { ...sampleReport(), sources: [{ ...shop, backups: [], tests: [], holds: [] }, ...rest] };
    expect(read(renderReport(bare)).text).toContain("No backup of this source has been restored in a test yet.");
  });

  it("says what a proof left out, in the list of backups and in the test", () => {
    const sample = sampleReport();
    const [shop] = sample.sources;
    const [backup, test] = [shop?.backups.find(({ state }) => state === "proven"), shop?.tests[0]];
    if (shop === undefined || backup === undefined || test?.comparison === undefined) throw new Error("no sample");
    const leftOut = { count: 3, objects: ["schema EXTENSION queue"], rows: 2 };
    const tests = [{ ...test, comparison: { ...test.comparison, leftOut } }];
    const said = (model: ReportModel) => read(renderReport(model)).text;
    const excepted = said({ ...sample, sources: [{ ...shop, backups: [{ ...backup, leftOut: 3 }], tests }] });
    expect(excepted).toContain("proven but for 3 objects");
    expect(excepted).toContain("without 3 objects that the policy excepts");
    expect(said(sample)).not.toMatch(/but for|policy excepts/);
  });

  it("cuts long lists and says so", () => {
    const sample = sampleReport();
    const [shop] = sample.sources;
    const [backup, test] = [shop?.backups[0], shop?.tests[0]];
    if (shop === undefined || backup === undefined || test === undefined) throw new Error("no sample");
    const tests: ReportTest[] = Array.from({ length: 8 }, (_, index) => ({ ...test, at: `2026-0${index + 1}-01T00:00:00Z` }));
    const long = { ...sample, sources: [{ ...shop, backups: Array.from({ length: 700 }, () => backup), tests }] };
    const said = read(renderReport(long)).text;
    expect(said).toContain("200 older backups not shown.");
    expect(said).toContain("3 earlier tests not shown.");
    expect(said).toContain("2026-08-01 00:00:00 UTC");
    expect(said).not.toContain("2026-03-01 00:00:00 UTC");
  });
});

describe("escapeHtml", () => {
  it("escapes what HTML reads as markup, and shows what it forbids", () => {
    expect(escapeHtml(`<a href='x'>"&"</a>`)).toBe("&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
    expect(escapeHtml("a\u0000b\u001bc\u202ed\ud800e\tf\n😀")).toBe("a\ufffdb\ufffdc\ufffdd\ufffde\tf\n😀");
  });

  it("escapes texts and lists of texts, and lets nested HTML stand", () => {
    expect(html`<p>${["<", html`<b>${1}</b>`, null, undefined]}</p>`.markup).toBe("<p>&lt;<b>1</b></p>");
  });
});

/** The model with every text that is not a time replaced or followed by `evil`. */
function poison<T>(value: T, evil: string, key = ""): T {
  if (typeof value === "string")
    return (/^(at|measuredAt|dueAt|kind|verdict|level|timezone)$/.test(key) ? value : `${value}${evil}`) as T;
  if (value instanceof Date || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => poison(item, evil, key)) as T;
  const entries = Object.entries(value).map(([name, item]) => [
    name === "load" ? `${name}${evil}` : name,
    poison(item, evil, name),
  ]);
  return Object.fromEntries(entries) as T;
}

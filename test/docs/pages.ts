/**
 * The repository's pages, read as their readers use them: headings, links, and what stands in code.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `${folder}/${path}`);
}

export const pages: readonly Page[] = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...markdownIn("docs"),
  ...markdownIn("examples"),
].map((path) => ({
  path,
  text: readFileSync(join(root, path), "utf8"),
}));

const fences = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm;

/** The anchors that GitHub gives a page's headings; the second of one name gets `-1`. */
export function anchorsOf({ text }: Page): Set<string> {
  const seen = new Map<string, number>();
  const headings = [...text.replaceAll(fences, "").matchAll(/^#{1,6} +(.+)$/gm)].map((match) => match[1] ?? "");
  return new Set(
    headings.map((heading) => {
      const slug = heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-");
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

/** The targets of a page's links, but for those in code. */
export function linksOf({ text }: Page): string[] {
  const prose = text.replaceAll(fences, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
}

/**
 * Everything in code that a reader may type: the lines of shell blocks, joined where they go on,
 * and inline code.
 */
export function typedIn({ text }: Page): string[] {
  const blocks = [...text.matchAll(fences)].filter((match) => ["sh", "bash", "cron", "console"].includes(match[1] ?? ""));
  const lines = blocks.flatMap((match) => (match[2] ?? "").replaceAll(/\\\n\s*/g, "").split("\n"));
  const inline = [...text.replaceAll(fences, "").matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? "");
  return [...lines, ...inline];
}

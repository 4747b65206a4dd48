/** The connections that the deploy guide writes out are ones that the PostgreSQL engine accepts. */
import { describe, expect, test } from "vitest";
import { parseAwsSecret } from "../../src/engines/postgres/connection/aws-secret.ts";
import { checkKeywords } from "../../src/engines/postgres/connection/connection-keywords.ts";
import { pages } from "./pages.ts";

const guide = pages.find(({ path }) => path === "docs/deploy.md")?.text ?? "";
const written = [...guide.matchAll(/^```(?:json|text)\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");

describe("the connections in docs/deploy.md", () => {
  test("are two forms of one connection", () => {
    expect(written).toHaveLength(2);
    const parsed = written.map((text) => parseAwsSecret(text.replace("…", "PASSWORD"), "taskmaster/db"));
    for (const keywords of parsed) {
      expect(() => checkKeywords(keywords, "the guide")).not.toThrow();
      expect(keywords).toEqual({
        host: "db.example.com",
        port: "5432",
        user: "holdfast",
        password: "PASSWORD",
        dbname: "taskmaster",
        sslmode: "verify-full",
        sslrootcert: "system",
      });
    }
  });

  test("need what the guide calls required, under either name", () => {
    const both = [...guide.matchAll(/`(\w+)` \(or `(\w+)`\)/g)].flatMap((match) => [match[1] ?? "", match[2] ?? ""]);
    expect(both).toEqual(["username", "user", "dbname", "database"]);
    const other = '{"host": "h", "user": "u", "password": "p", "database": "d", "engine": "postgres"}';
    expect(parseAwsSecret(other, "x")).toEqual({ host: "h", user: "u", password: "p", dbname: "d" });
    expect(() => parseAwsSecret('{"username": "u", "password": "p"}', "x")).toThrow("lacks host, dbname");
  });
});

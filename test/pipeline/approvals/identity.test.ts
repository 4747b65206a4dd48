import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maySame, partyOf } from "../../../src/pipeline/approvals/identity.ts";

const session = (role: string, name: string, account = "123456789012") => `arn:aws:sts::${account}:assumed-role/${role}/${name}`;
const user = (name: string, account = "123456789012") => `arn:aws:iam::${account}:user/${name}`;

describe("two identities", () => {
  it.each([
    ["the same user", user("team/ada"), user("team/ada")],
    ["two sessions of one role: who takes it on may choose the session's name", session("ops", "ada"), session("ops", "ben")],
    ["one person's sessions of two roles", session("ask", "ada@acme.example"), session("answer", "Ada@Acme.example")],
    ["one person's sessions in two accounts", session("ask", "ada"), session("answer", "ada", "999999999999")],
    ["a user, and that user's session of a role", user("team/ada"), session("answer", "ada")],
    ["the root user, twice", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"],
  ])("may be one person: %s", (_, one, other) => {
    expect(maySame(one, other)).toBe(true);
    expect(maySame(other, one)).toBe(true);
  });

  it.each([
    ["two users", user("ada"), user("ben")],
    ["sessions of two roles under two names", session("ask", "ada"), session("answer", "ben")],
    ["a role of this name in another account, under another name", session("ops", "ada"), session("ops", "ben", "999999999999")],
    ["a federated user and a role", "arn:aws:sts::123456789012:federated-user/ada", session("answer", "ben")],
  ])("are two people: %s", (_, one, other) => {
    expect(maySame(one, other)).toBe(false);
    expect(maySame(other, one)).toBe(false);
  });

  it("names the role, whatever partition it is of", () => {
    expect(partyOf("arn:aws-cn:sts::123456789012:assumed-role/ops/ada")).toEqual({
      principal: "arn:aws-cn:iam::123456789012:role/ops",
      person: "ada",
    });
  });

  it("is the same as itself, whatever it is", () => {
    void fc.assert(fc.property(fc.string(), (arn) => maySame(arn, arn)));
  });
});

/**
 * Statements of a random history of grants and revokes between roles, from a seed. What a role may
 * not do is skipped.
 */
import fc from "fast-check";

const roles = ["b_", "c_", "x_", "own_"] as const;
const objects = [
  "table one.t",
  "table two.t",
  "sequence one.s",
  "function one.f(two.kind)",
  "type two.kind",
  "schema one",
] as const;
const rightsOn: Readonly<Record<string, readonly string[]>> = {
  table: ["select", "update (a)", "select (a)", "insert", "all"],
  sequence: ["usage", "update"],
  function: ["execute"],
  type: ["usage"],
  schema: ["usage", "create"],
};

const step = fc
  .record({
    as: fc.constantFrom(...roles, "postgres"),
    to: fc.constantFrom(...roles, "public"),
    object: fc.constantFrom(...objects),
    right: fc.nat(100),
    kind: fc.constantFrom("grant", "grant", "grant", "delegate", "delegate", "revoke"),
  })
  .map(({ as, to, object, right, kind }) => {
    const rights = rightsOn[object.split(" ")[0] as string] as readonly string[];
    const what = `${rights[right % rights.length]} on ${object}`;
    const statement =
      kind === "revoke"
        ? `revoke ${what} from ${to} cascade`
        : `grant ${what} to ${to}${kind === "delegate" ? " with grant option" : ""}`;
    return `do $$ begin set local role ${as}; ${statement}; exception when others then null; end $$;`;
  });

/** Steps of one history: enough for chains of several roles on each object. */
const steps = 400;

export function randomGrants(seed: number): string {
  const [history = []] = fc.sample(fc.array(step, { minLength: steps, maxLength: steps, size: "max" }), { seed, numRuns: 1 });
  return `create schema one authorization own_; create schema two;
    grant usage on schema one, two to b_, c_, x_, own_;
    create table one.t (a int, b int); create table two.t (a int, b int); alter table one.t owner to own_;
    create sequence one.s; create type two.kind as enum ('k');
    create function one.f(two.kind) returns int language sql as 'select 1';
    ${history.join("\n")}
    revoke usage on schema one, two from public, b_, c_, x_, own_ cascade;`;
}

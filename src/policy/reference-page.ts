/**
 * docs/policy-reference.md: every key of the policy, made of the same definition that the parser
 * uses.
 */
import type { EnginePolicies } from "./engine-policy.ts";
import { enginePolicies } from "./engines.ts";
import { type DescribedSchema, describePolicy } from "./json-schema.ts";

const introduction = (engines: EnginePolicies) => `# Policy reference

<!-- Generated from src/policy by \`npm run docs\`; edit the definition, not this page. -->

Every key of \`holdfast.yml\`. \`holdfast init\` writes a first policy, \`holdfast check\` says what is wrong with one.
A policy is one YAML 1.2 document; unknown keys, duplicate keys, tags and merge keys are errors, anchors and aliases are
not. \`schema/holdfast.schema.json\` is generated from the same definition: an editor with YAML support completes and
checks a policy whose first line is \`# yaml-language-server: $schema=<path or URL of that file>\`.

## How values are written

| Value | Written | Meaning |
|---|---|---|
| name | \`taskmaster\`, \`event-manager-2\` | 1 to 63 lower-case letters, digits and hyphens, a letter or digit first |
| duration | \`15m\`, \`1h\`, \`30d\`, \`4w\` | minutes, hours, days of 24 hours, weeks of 7 days; nothing smaller, nothing without a fixed length |
| share | \`50%\`, \`2.5%\` | more than 0% and at most 100% |
| size | \`500MB\`, \`200GB\`, \`2TB\` | decimal: a GB is 1,000,000,000 bytes |
| schedule | \`"0 2 * * *"\` | cron: minute, hour, day of the month, month, day of the week; lists, ranges, steps, \`jan\`-\`dec\` and \`sun\`-\`sat\`; in the policy's time zone; in quotes, because YAML reads a leading \`*\` as an alias |
| path | \`/srv/holdfast\`, \`~/keys/main.key\`, \`config\` | relative paths begin at the policy's own folder; \`~/\` is the home directory of the user who runs Holdfast; variables are not expanded |
| reference to a secret | \`env:NAME\`, \`file:PATH\`, \`service:NAME\`, \`secret:ID\` | where it stands: an environment variable, a file, an entry in libpq's \`pg_service.conf\`, AWS Secrets Manager; a secret itself is refused wherever it stands in a policy, and never repeated in a message |
${formsOf(engines)}

A schedule says when something is due, and \`holdfast status\` when it is late; on one machine, cron or a systemd timer starts it (docs/operations.md).
`;

/** The whole page. */
export function renderReference(engines: EnginePolicies = enginePolicies): string {
  const policy = describePolicy(engines);
  const { vaults, keys, sources, restoreTargets, alerts, audit, approvals } = policy.properties ?? {};
  const [vault, key, source] = [vaults, keys, sources].map((mapping) => (mapping?.additionalProperties || undefined) ?? {});
  const target = (restoreTargets?.additionalProperties || undefined) ?? {};
  const kinds = source?.oneOf ?? [];
  const shared = sharedKeys(kinds);
  return [
    introduction(engines),
    section("The policy", policy.description, topRows(policy)),
    section("Vaults", vault?.description, rows(vault ?? {}, "vaults.<name>", { nested: false })),
    ...longForms(vault ?? {}, "vaults.<name>"),
    section("Keys", key?.description, rows(key ?? {}, "keys.<name>", { nested: false })),
    ...longForms(key ?? {}, "keys.<name>"),
    section("Sources", "What every source has, whatever its engine.", rows(pick(kinds[0], shared), "sources.<name>")),
    ...kinds.map((engine) =>
      section(
        `Sources with \`engine: ${constantOf(engine, "engine")}\``,
        engine.description,
        rows(omit(engine, shared), "sources.<name>"),
        3,
      ),
    ),
    section("Restore targets", restoreTargets?.description, rows(target, "restoreTargets.<name>")),
    section("Alerts", alerts?.description, alertRows(alerts ?? {})),
    section("Audit trail", audit?.description, rows(audit ?? {}, "audit")),
    section("Approvals", approvals?.description, approvalRows(approvals ?? {})),
  ].join("\n");
}

/** Rows of the table of values, for what engines add to it. */
function formsOf(engines: EnginePolicies): string {
  const forms = engines.flatMap(({ valueForms }) => valueForms);
  return forms.map(({ name, written, meaning }) => `| ${name} | ${written} | ${meaning} |`).join("\n");
}

function section(title: string, description: string | undefined, lines: readonly string[], level = 2): string {
  const table = ["| Key | Type | Default | Meaning | Example |", "|---|---|---|---|---|", ...lines];
  return `${"#".repeat(level)} ${title}\n\n${description ?? ""}\n\n${table.join("\n")}\n`;
}

/** The policy's own keys; what is under them has sections of its own. */
function topRows(policy: DescribedSchema): string[] {
  return Object.entries(policy.properties ?? {}).map(([name, schema]) =>
    row(name, schema, policy.required?.includes(name) === true),
  );
}

/** Every severity takes the same list, whose forms are described once. */
function alertRows(alerts: DescribedSchema): string[] {
  const severities = Object.entries(alerts.properties ?? {});
  const channel = severities[0]?.[1].items ?? {};
  const short = channel.anyOf?.find((form) => form.type === "string") ?? {};
  return [
    ...severities.map(([name, schema]) => row(`alerts.${name}`, schema, false)),
    row("alerts.<severity>[]", short, true),
    ...rows(channel, "alerts.<severity>[]"),
  ];
}

function approvalRows(approvals: DescribedSchema): string[] {
  const { approvers, ...others } = approvals.properties ?? {};
  const approver = (approvers?.additionalProperties || undefined) ?? {};
  return [
    ...rows({ properties: others }, "approvals"),
    row("approvals.approvers", approvers ?? {}, false),
    row("approvals.approvers.<name>", approver, true),
    ...rows(approver, "approvals.approvers.<name>"),
  ];
}

/** The mappings that may stand in place of a short text, told apart by `type`. */
function longForms(schema: DescribedSchema, path: string): string[] {
  const alternatives = (schema.anyOf ?? []).flatMap((form) => form.oneOf ?? []);
  return alternatives.map((form) => section(`\`type: ${constantOf(form, "type")}\``, form.description, rows(form, path), 3));
}

/** One line for each key under `schema`, depth first. */
function rows(schema: DescribedSchema, path: string, { nested = true } = {}): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
    row(`${path}.${name}`, property, schema.required?.includes(name) === true),
    ...rows(property, `${path}.${name}`),
  ]);
  const forms = (schema.anyOf ?? []).filter((form) => Object.keys(form).some((keyword) => keyword !== "required"));
  // A union's own line is its caller's, unless it is where a section begins.
  const alternatives = nested
    ? forms.flatMap((form) => rows(form, path))
    : forms.filter((form) => form.type !== undefined).map((form) => row(path, form, true));
  return [...own, ...alternatives, ...(schema.items === undefined ? [] : rows(schema.items, `${path}[]`))];
}

function row(path: string, schema: DescribedSchema, required: boolean): string {
  const [sample] = schema.samples ?? (schema.const === undefined ? [] : [schema.const]);
  const cells = [
    `\`${path}\``,
    typeOf(schema),
    defaultOf(schema, required),
    schema.description ?? "",
    sample === undefined ? "" : `\`${flow(sample)}\``,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function typeOf(schema: DescribedSchema): string {
  const forms = (schema.anyOf ?? []).filter((form) => form.type !== undefined || form.oneOf !== undefined);
  if (forms.length > 0)
    return [...new Set(forms.map((form) => (form.oneOf === undefined ? typeOf(form) : "mapping")))].join(" or ");
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (Array.isArray(schema.type)) return schema.type.map((type: string) => typeOf({ type })).join(" or ");
  switch (schema.type) {
    case "integer":
      return `whole number, ${schema.minimum} to ${schema.maximum}`;
    case "array":
      if (schema.items?.enum !== undefined) return `list of ${typeOf(schema.items)}`;
      return `list of ${typeOf(schema.items ?? {})
        .split(" or ")
        .map((type) => `${type}s`)
        .join(" or ")}`;
    case "object":
      return schema.additionalProperties ? "mapping from names" : "mapping";
    case "boolean":
      return "`true`, `false`";
    case "number":
      return "number";
    default:
      return schema.form ?? "text";
  }
}

function defaultOf(schema: DescribedSchema, required: boolean): string {
  if (required) return "required";
  if (schema.defaultNote !== undefined) return schema.defaultNote;
  if (typeof schema.default === "object") return "see its keys";
  if (schema.default === "") return "empty";
  return schema.default === undefined ? "none" : `\`${flow(schema.default)}\``;
}

/** A value as YAML writes it on one line. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, part]) => `${key}: ${flow(part)}`)
      .join(", ")} }`;
  }
  // In a flow collection, and at the start of a value, these mean something to YAML.
  if (typeof value === "string" && /^[*&!%@`'"#?|>-]|[,[\]{}]|: |^$| \*/.test(value)) return JSON.stringify(value);
  return String(value);
}

function constantOf(schema: DescribedSchema, property: string): string {
  return String(schema.properties?.[property]?.const);
}

/** Keys that mean the same to every engine. */
function sharedKeys(engines: readonly DescribedSchema[]): readonly string[] {
  const [first, ...others] = engines.map((engine) => engine.properties ?? {});
  return Object.entries(first ?? {}).flatMap(([name, schema]) =>
    others.every((other) => JSON.stringify(other[name]) === JSON.stringify(schema)) ? [name] : [],
  );
}

function pick(schema: DescribedSchema | undefined, names: readonly string[]): DescribedSchema {
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(schema?.properties ?? {}).filter(([name]) => names.includes(name))),
  };
}

function omit(schema: DescribedSchema, names: readonly string[]): DescribedSchema {
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([name]) => !names.includes(name))),
  };
}

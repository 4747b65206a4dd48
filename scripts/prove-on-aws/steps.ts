/**
 * The proof, step by step: an empty account, a stack, a proven backup, three ways of breaking it,
 * each with its alert, and a restore.
 */
import { databaseSteps } from "./database.ts";
import { policyText } from "./policy-text.ts";
import { type Command, namesOf, type Proof, type ProofStep, refusedByAws } from "./proof-step.ts";

const holdfast = (proof: Proof, ...args: readonly string[]): string[] => [
  "node",
  "bin/holdfast.mjs",
  "--stack",
  namesOf(proof).stack,
  ...args,
];

/** What osls is given, for each of its commands. */
export function osls(proof: Proof, command: string): string[] {
  // What is protected could not be removed afterwards.
  const given = [`policy=${namesOf(proof).policy}`, "events=own", "protection=off", ...proof.parameters];
  return ["npx", "osls", command, "--stage", proof.stage, "--region", proof.region, ...given.map((each) => `--param=${each}`)];
}

/** What the stack tells is heard in a queue: alerts of all topics, and events. */
function listen(proof: Proof): ProofStep {
  const { stack, queue, file } = namesOf(proof);
  const topic = (severity: string) => `arn:{partition}:sns:${proof.region}:{account}:${stack}-${severity}`;
  const arn = `arn:{partition}:sqs:${proof.region}:{account}:${queue}`;
  const Statement = [
    {
      Effect: "Allow",
      Principal: { Service: ["sns.amazonaws.com", "events.amazonaws.com"] },
      Action: "sqs:SendMessage",
      Resource: arn,
    },
  ];
  const attributes = JSON.stringify({ Policy: JSON.stringify({ Version: "2012-10-17", Statement }) });
  const subscribe = (severity: string): Command => ({
    run: ["aws", "sns", "subscribe", "--topic-arn", topic(severity), "--protocol", "sqs", "--notification-endpoint", arn],
    prints: [/SubscriptionArn/],
  });
  const bus = ["--event-bus-name", `${stack}-events`];
  return {
    title: "Listen to its alerts and events, in a queue",
    minutes: 1,
    commands: [
      {
        run: [
          "aws",
          "sqs",
          "create-queue",
          "--queue-name",
          queue,
          "--attributes",
          `file://${file("queue.json")}`,
          "--output",
          "json",
        ],
        writes: { file: "queue.json", text: attributes },
        saves: { queueUrl: /"QueueUrl": "([^"]+)"/ },
      },
      ...["critical", "warning", "info"].map(subscribe),
      { run: ["aws", "events", "put-rule", ...bus, "--name", "heard", "--event-pattern", '{"source":["holdfast"]}'] },
      { run: ["aws", "events", "put-targets", ...bus, "--rule", "heard", "--targets", `Id=queue,Arn=${arn}`] },
    ],
  };
}

/** Until it was heard; what was heard before may come again. */
const heard = (...words: readonly RegExp[]): Command => ({
  run: [
    "aws",
    "sqs",
    "receive-message",
    "--queue-url",
    "{queueUrl}",
    "--max-number-of-messages",
    "10",
    "--wait-time-seconds",
    "10",
    "--output",
    "json",
  ],
  prints: words,
  forMinutes: 10,
});

function prove(proof: Proof): ProofStep[] {
  const { vault } = namesOf(proof);
  return [
    {
      title: "Back up, and prove it: restored into a throwaway server, dumped again, found equal",
      minutes: 5,
      commands: [
        { run: holdfast(proof, "backup", "shop"), prints: [/outcome +verified/], saves: { backup: /backupId +(\S+)/ } },
        { run: holdfast(proof, "restore-test", "shop"), prints: [/outcome +proven/] },
        { run: holdfast(proof, "list"), prints: [/proven/] },
        heard(/backup\.proven/),
      ],
    },
    {
      title: "Overwrite what is in the vault, as its owner: refused",
      minutes: 1,
      commands: [
        {
          run: [
            "aws",
            "s3api",
            "list-objects-v2",
            "--bucket",
            vault,
            "--prefix",
            "artifacts/shop/{backup}/",
            "--query",
            "Contents[].Key",
            "--output",
            "text",
          ],
          saves: { artifact: /(artifacts\/\S*archive\S*)/ },
        },
        {
          run: ["aws", "s3api", "put-object", "--bucket", vault, "--key", "{artifact}", "--body", "package.json"],
          exits: refusedByAws,
          prints: [/AccessDenied/],
        },
      ],
    },
  ];
}

function damageObject(proof: Proof): ProofStep[] {
  const object = ["--bucket", namesOf(proof).vault, "--key", "{artifact}"];
  return [
    {
      title: "Damage an object: hide it, and put something else in front of it",
      minutes: 5,
      commands: [
        {
          run: ["aws", "s3api", "delete-object", ...object, "--output", "json"],
          saves: { marker: /"VersionId": "([^"]+)"/ },
        },
        {
          run: ["aws", "s3api", "put-object", ...object, "--body", "package.json", "--if-none-match", "*", "--output", "json"],
          saves: { fake: /"VersionId": "([^"]+)"/ },
        },
        { run: holdfast(proof, "restore-test", "shop"), exits: [4] },
        heard(/is damaged/),
        heard(/backup\.disproven/),
        { run: holdfast(proof, "list"), prints: [/damaged/] },
      ],
    },
    {
      title: "Bring the object back: remove what was put in front of it, and prove the backup again",
      minutes: 3,
      commands: [
        { run: ["aws", "s3api", "delete-object", ...object, "--version-id", "{fake}"] },
        { run: ["aws", "s3api", "delete-object", ...object, "--version-id", "{marker}"] },
        { run: holdfast(proof, "restore-test", "shop@{backup}"), prints: [/outcome +proven/] },
      ],
    },
  ];
}

function deleteManifest(proof: Proof): ProofStep {
  const { vault, stack, file } = namesOf(proof);
  const object = ["--bucket", vault, "--key", "manifests/shop/{backup}.json"];
  return {
    title: "Delete a manifest: the watch misses the only good backup; then bring it back",
    minutes: 5,
    commands: [
      {
        run: ["aws", "s3api", "delete-object", ...object, "--output", "json"],
        saves: { manifestMarker: /"VersionId": "([^"]+)"/ },
      },
      {
        run: [
          "aws",
          "lambda",
          "invoke",
          "--function-name",
          `${stack}-watch`,
          "--payload",
          "e30=",
          file("watch.json"),
          "--output",
          "json",
        ],
        prints: [/"StatusCode": 200/],
      },
      heard(/misses its objectives/),
      { run: ["aws", "s3api", "delete-object", ...object, "--version-id", "{manifestMarker}"] },
      { run: holdfast(proof, "list"), prints: [/proven/] },
    ],
  };
}

function killRun(proof: Proof): ProofStep {
  const machine = `arn:{partition}:states:${proof.region}:{account}:stateMachine:${namesOf(proof).stack}-backup`;
  const input = '{"source":"shop","kind":"full"}';
  return {
    title: "Kill a run: the rule on executions tells of what cannot tell of itself",
    minutes: 3,
    commands: [
      {
        run: ["aws", "stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", input, "--output", "json"],
        saves: { execution: /"executionArn": "([^"]+)"/ },
      },
      {
        run: [
          "aws",
          "stepfunctions",
          "stop-execution",
          "--execution-arn",
          "{execution}",
          "--error",
          "Killed",
          "--cause",
          "by the proof",
        ],
      },
      heard(/backup\.failed/),
    ],
  };
}

function restore(proof: Proof): ProofStep {
  return {
    title: "Restore to a new database, beside the old",
    minutes: 3,
    commands: [
      { run: holdfast(proof, "restore", "shop@{backup}", "--to", "shop_restored"), prints: [/restore of shop succeeded/] },
      heard(/restore\.finished/),
    ],
  };
}

/** All of it, but for the removal (removal.ts). */
export function proofSteps(proof: Proof): ProofStep[] {
  const withLayer = proof.stage !== "local";
  return [
    {
      title: "Who and where",
      minutes: 1,
      commands: [
        {
          run: ["aws", "sts", "get-caller-identity", "--output", "json"],
          saves: { account: /"Account": "(\d{12})"/, partition: /"Arn": "arn:([a-z-]+):/ },
        },
      ],
    },
    ...(proof.connection === undefined ? databaseSteps(proof) : []),
    ...(withLayer
      ? [{ title: "PostgreSQL's programs, as a layer", minutes: 3, commands: [{ run: ["npm", "run", "layer"] }] }]
      : []),
    {
      title: "Deploy",
      minutes: 12,
      commands: [
        ...(withLayer ? [{ run: osls(proof, "preflight"), writes: { file: "holdfast.yml", text: policyText(proof) } }] : []),
        { run: osls(proof, "deploy"), writes: { file: "holdfast.yml", text: policyText(proof) } },
      ],
    },
    listen(proof),
    ...prove(proof),
    ...damageObject(proof),
    deleteManifest(proof),
    killRun(proof),
    restore(proof),
  ];
}

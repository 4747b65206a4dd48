/**
 * Who calls is what AWS says of a signed request. The server here stands for STS: it computes
 * signatures by itself (AWS General Reference, "Create a signed AWS API request"), and knows two
 * people.
 */
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { bindMessage } from "../../src/pipeline/approvals/bind-message.ts";
import { type CallerProof, identifyCaller, proveCaller } from "../../src/runtime/caller-proof.ts";

const people: Readonly<Record<string, { readonly secret: string; readonly arn: string }>> = {
  AKIAADAADAADAADAADA1: { secret: "ada's secret", arn: "arn:aws:sts::123456789012:assumed-role/operators/ada" },
  AKIABENBENBENBENBEN1: { secret: "ben's secret", arn: "arn:aws:iam::123456789012:user/ben" },
};

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The ARN of whoever signed the request; undefined: nobody known did. */
function signerOf({ method = "", url = "", headers }: IncomingMessage, body: string): string | undefined {
  const [, id = "", scope = "", names = "", signature = ""] =
    /Credential=(\w+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(headers.authorization ?? "") ?? [];
  const [date = "", region = "", service = ""] = scope.split("/");
  const lines = names.split(";").map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, " ")}\n`);
  const request = [method, url, "", lines.join(""), names, sha256(body)].join("\n");
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(request)].join("\n");
  const person = people[id];
  const key = [date, region, service, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${person?.secret}`);
  return hmac(key, text).toString("hex") === signature ? person?.arn : undefined;
}

let server: Server;
let asked = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      asked += 1;
      const arn = signerOf(request, body);
      if (arn === undefined) {
        response.writeHead(403, { "content-type": "text/xml" });
        response.end("<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error></ErrorResponse>");
        return;
      }
      response.writeHead(200, { "content-type": "text/xml" });
      response.end(
        `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${arn}</Arn><UserId>X</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("AWS_REGION", "eu-central-1");
});

afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
});

async function prove(id: string, binding: string, secret = people[id]?.secret ?? ""): Promise<CallerProof> {
  vi.stubEnv("AWS_ACCESS_KEY_ID", id);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", secret);
  try {
    return await proveCaller(binding);
  } finally {
    // The function has credentials of its own, which prove nothing here.
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAFUNCTIONFUNCTION");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "the function's own");
  }
}

const [ada, ben] = Object.keys(people) as [string, string];
const approve = { request: "3fa1c0d2e5b6", decision: "approved", reason: "seen" };
const binding = bindMessage("holdfast-prod", "answer", approve);

describe("who calls", () => {
  it("is the one whose credentials signed, whoever asks AWS", async () => {
    expect(await identifyCaller(await prove(ada, binding), binding)).toEqual({ arn: people[ada]?.arn, account: "123456789012" });
    expect(await identifyCaller(await prove(ben, binding), binding)).toEqual({ arn: people[ben]?.arn, account: "123456789012" });
  });

  it("is nobody where the signature is not that of the key's secret", async () => {
    const forged = await prove(ben, binding, "a guess");
    await expect(identifyCaller(forged, binding)).rejects.toMatchObject({ name: "ApprovalRefused" });
  });

  it("proves one message of one function of one stack, and nothing else", async () => {
    const proof = await prove(ben, binding);
    const others = [
      bindMessage("holdfast-dev", "answer", approve),
      bindMessage("holdfast-prod", "ask", approve),
      ...Object.keys(approve).map((name) => bindMessage("holdfast-prod", "answer", { ...approve, [name]: "another" })),
    ];
    asked = 0;
    for (const other of others) {
      await expect(identifyCaller(proof, other)).rejects.toMatchObject({ name: "ApprovalRefused" });
      // Nor by writing the other message's digest over it: the header is signed.
      const written = { ...proof, "x-holdfast-message": other };
      await expect(identifyCaller(written, other)).rejects.toMatchObject({ name: "ApprovalRefused" });
    }
    expect(asked).toBe(others.length);
  });

  it("is not proven by a signed request of any other kind", async () => {
    const proof = await prove(ben, binding);
    const changes: readonly Record<string, string>[] = [
      { authorization: (proof["authorization"] ?? "").replace("/sts/", "/s3/") },
      { authorization: (proof["authorization"] ?? "").replace("x-holdfast-message", "x-other-header") },
      { authorization: (proof["authorization"] ?? "").replace("host;", "") },
      { authorization: "" },
      { host: "sts.attacker.example" },
      { "x-forwarded-host": "sts.attacker.example" },
    ];
    for (const change of changes) {
      await expect(identifyCaller({ ...proof, ...change }, binding)).rejects.toMatchObject({ name: "ApprovalRefused" });
    }
  });

  it("is said in no error with a part of the proof", async () => {
    const proof = await prove(ben, binding);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(proof)), fc.string({ maxLength: 40 }), async (name, value) => {
        const error = await identifyCaller({ ...proof, [name]: value }, binding).then(
          () => undefined,
          (reason: unknown) => reason as Error,
        );
        if (proof[name] === value) return;
        expect(`${error?.message} ${error?.cause}`).not.toContain(proof["authorization"]?.slice(-64));
      }),
      { numRuns: 25 },
    );
  });
});

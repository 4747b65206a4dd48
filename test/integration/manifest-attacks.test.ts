/** Manifests that somebody made or changed who can write to a bucket and has no key. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openVault } from "../../src/vault/documents/vault.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../support/files-project.ts";
import { expectCountsForNothing, manifestAttacks } from "../support/manifest-attacks.ts";
import { type S3Server, startMiniStackS3, useTestCredentials } from "../support/s3-server.ts";

let server: S3Server;
let project: FilesProject;

beforeAll(async () => {
  useTestCredentials();
  server = await startMiniStackS3();
}, 180_000);
afterAll(() => server?.stop());
beforeEach(async () => {
  project = await createFilesProject();
  const { bucket } = await server.makeBucket();
  const vault = `{ type: s3, bucket: ${bucket}, prefix: team, region: us-east-1, pathStyle: true, endpoint: "${server.endpoint}" }`;
  await project.writePolicy(treePolicy.replace("folder:vault", vault).replace("keepLast: 1", "keepLast: 2"));
});
afterEach(() => project[Symbol.asyncDispose]());

describe("in a bucket, somebody without the key who", () => {
  test.each(manifestAttacks)("$name makes nothing that counts", { timeout: 180_000 }, async ({ apply }) => {
    const older = await project.back({ minutesAgo: 60 });
    const newer = await project.back({ minutesAgo: 30 });
    const store = await (await project.open()).storeOf("main");
    const id = await apply({ store, vaultId: (await openVault(store)).vaultId, older, newer });
    const genuine = [older, newer].filter((each) => each !== id);
    expect(genuine.length).toBeGreaterThan(0);
    await expectCountsForNothing(project, id, genuine);
  });
});

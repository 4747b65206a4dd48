/** The tools' image: that it is there, is one image, and is for the functions' architecture. */
import { BatchGetImageCommand, GetDownloadUrlForLayerCommand } from "@aws-sdk/client-ecr";
import * as z from "zod";
import type { DeploymentFinding } from "../adoption/finding.ts";
import type { Deployment } from "../deployment.ts";
import { imageRepository } from "../deployment.ts";
import type { PreflightClients } from "./clients.ts";

/** The functions' (serverless.yml, provider.architecture). */
const architecture = "arm64";
/** A configuration is a few kilobytes. */
const answerMs = 30_000;

const manifestSchema = z.object({ config: z.object({ digest: z.string() }).optional() });
const configSchema = z.object({ architecture: z.string() });

/**
 * None where the deployment has no image. Errors: those of ECR, but for an image that is not there.
 */
export async function inspectImage(deployment: Deployment, { ecr }: Pick<PreflightClients, "ecr">): Promise<DeploymentFinding[]> {
  const repositoryName = imageRepository(deployment);
  if (repositoryName === undefined) return [];
  const about = `image ${repositoryName}`;
  const [registryId = "", imageDigest = ""] = [deployment.image.slice(0, 12), deployment.image.split("@")[1]];
  const remedy = "Build it again: HOLDFAST_IMAGE=$(infra/image/build-in-aws.sh).";
  const wrong = (message: string): DeploymentFinding[] => [{ about, level: "error", subject: "image", message, remedy }];
  const found = await orNone(ecr.send(new BatchGetImageCommand({ registryId, repositoryName, imageIds: [{ imageDigest }] })));
  const manifest = found?.images?.[0]?.imageManifest;
  if (manifest === undefined) return wrong(`${imageDigest} is not in the repository`);
  const config = manifestSchema.parse(JSON.parse(manifest)).config?.digest;
  // Lambda takes one image, and no list of images (Lambda developer guide, container images).
  if (config === undefined) return wrong("it is a list of images (attestations, or several architectures), which Lambda refuses");
  const layer = await ecr.send(new GetDownloadUrlForLayerCommand({ registryId, repositoryName, layerDigest: config }));
  const answer = await fetch(layer.downloadUrl ?? "", { signal: AbortSignal.timeout(answerMs) });
  const is = configSchema.parse(await answer.json()).architecture;
  if (is !== architecture) return wrong(`it is for ${is}, and the functions are ${architecture}`);
  return [{ about, level: "ok", subject: "image", message: `there, for ${is}` }];
}

async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && error.name === "RepositoryNotFoundException") return undefined;
    throw error;
  }
}

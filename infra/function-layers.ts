/** Where a template has the layer of tools, and which functions get it. */
import type { Deployment } from "./deployment.ts";
import { ref } from "./template.ts";

/** The `layers` of serverless.yml. */
export function serverlessLayers({ layer, prefix, architecture }: Deployment): Record<string, unknown> {
  if (layer === undefined) return {};
  return {
    tools: {
      name: `${prefix}-tools`,
      description: `PostgreSQL ${layer.manifest.majors.join(", ")} for Holdfast`,
      compatibleRuntimes: ["nodejs24.x"],
      compatibleArchitectures: [architecture],
      package: { artifact: layer.file },
    },
  };
}

/** What a function with the engines' programs has beside the others. */
export const functionLayers = ({ layer }: Deployment) => (layer === undefined ? {} : { layers: [ref("ToolsLambdaLayer")] });

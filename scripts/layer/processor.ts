/** The processors that layers are built for. */

/** Node's name of the processor. */
export type Processor = "x64" | "arm64";

/** AWS's name of the processor, which the layer and its functions share. */
export const lambdaArchitectures: Readonly<Record<Processor, "x86_64" | "arm64">> = { x64: "x86_64", arm64: "arm64" };

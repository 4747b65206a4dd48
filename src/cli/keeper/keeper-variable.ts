/** In the environment of the process that keeps a restore; only start-keeper.ts sets it. */
export const keeperVariable = "HOLDFAST_KEEPER";

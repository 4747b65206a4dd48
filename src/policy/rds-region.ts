/** The region of a connection to RDS. */
import type { RdsConnection } from "./policy.ts";

/** As RDS names a server: `shop.abc123.eu-central-1.rds.amazonaws.com`. */
const regionInName = /\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$/;

/** Undefined where neither the policy nor the host's name says one. */
export const regionOf = ({ host, region }: Pick<RdsConnection, "host" | "region">): string | undefined =>
  region ?? regionInName.exec(host)?.[1];

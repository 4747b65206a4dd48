/** The schema of a connection to RDS that needs no stored password. */
import { parsePathText } from "./references.ts";
import { region } from "./schema-region.ts";
import { count, section, term } from "./schema-terms.ts";

/** Where `npm run layer -- --add global-bundle.pem` puts RDS's authorities. */
export const layerBundle = "/opt/global-bundle.pem";

const host = term(
  (text) =>
    /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(text)
      ? { value: text }
      : { problem: "is not the name of a host such as shop.abc123.eu-central-1.rds.amazonaws.com" },
  {
    expects: "the name of a host",
    description: "The endpoint, as RDS shows it. The signature names it: another name for the same server is refused.",
    samples: ["shop.abc123.eu-central-1.rds.amazonaws.com"],
  },
);

/** It becomes the end of an ARN, in which `*`, `?` and `$` mean something. */
const user = term(
  (text) =>
    /^[A-Za-z0-9_@.+-]{1,63}$/.test(text)
      ? { value: text }
      : { problem: "is not the name of a user: 1 to 63 letters, digits and _ @ . + -" },
  { expects: "the name of a user", description: "The database's user, a member of `rds_iam`.", samples: ["holdfast"] },
);

const database = term((text) => (/^[^\0]{1,63}$/.test(text) ? { value: text } : { problem: "is not the name of a database" }), {
  expects: "the name of a database",
  description: "The database.",
  samples: ["shop"],
});

const resourceId = term(
  (text) =>
    /^(?:db|cluster|prx)-[A-Za-z0-9]{1,64}$/.test(text)
      ? { value: text }
      : { problem: "is not a resource id such as db-ABCDEFGHIJKL01234, cluster-… or prx-…" },
  {
    expects: "a resource id of RDS",
    description: "The id of the instance, cluster or proxy. The functions' roles may then log in there and nowhere else.",
    samples: ["db-ABCDEFGHIJKL01234"],
    defaultNote: "the roles may log in as this user to any server of the account in that region",
  },
);

const authorities = term((text) => (text === "system" ? { value: text } : parsePathText(text)), {
  expects: "a path, or system",
  type: "path",
  description:
    "The authorities that the server's certificate is checked with: a file such as RDS's `global-bundle.pem`, or `system` for those of the machine (RDS Proxy has a certificate of theirs).",
  samples: [layerBundle, "system"],
});

/** `rds:` of a connection. */
export const rdsConnection = section(
  {
    host,
    port: count(65_535, { description: "The port.", samples: [5432] }).prefault(5432),
    user,
    database,
    region: region.optional().meta({ defaultNote: "as in the host's name, else AWS_REGION" }),
    resourceId: resourceId.optional(),
    sslrootcert: authorities.prefault(layerBundle),
  },
  {
    description:
      "A database of Amazon RDS or Aurora with IAM authentication: no password is stored, each connection is signed by the AWS identity that makes it, over TLS.",
    expects: "a mapping such as { host: shop.abc123.eu-central-1.rds.amazonaws.com, user: holdfast, database: shop }",
    samples: [{ host: "shop.abc123.eu-central-1.rds.amazonaws.com", user: "holdfast", database: "shop" }],
  },
);

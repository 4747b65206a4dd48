/** A region, wherever a policy names one. */
import { term } from "./schema-terms.ts";

export const region = term(
  (text) =>
    /^[a-z]{2,}(-[a-z]+)+-[0-9]+$|^[a-z0-9-]+$/.test(text)
      ? { value: text }
      : { problem: "is not the name of a region such as eu-central-1" },
  {
    expects: "the name of a region such as eu-central-1",
    pattern: "^[a-z0-9-]+$",
    description: "The AWS region, or the provider's name for its own.",
    samples: ["eu-central-1"],
    defaultNote: "from the AWS configuration of this machine",
  },
);

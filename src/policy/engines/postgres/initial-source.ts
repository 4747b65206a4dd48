/** How a first policy of a PostgreSQL database begins. */
import type { InitialSource } from "../../engine-policy.ts";

export const initialPostgres: InitialSource = {
  options: [
    {
      name: "connection",
      value: "reference",
      description: "where to find the connection string",
      default: "env:DATABASE_URL",
      sample: "env:DATABASE_URL",
    },
  ],
  example: "init --source shop --connection env:SHOP_DATABASE_URL --vault folder:/srv/backups",
  lines: ({ connection }, common) => `    engine: postgres

    # Where the connection stands, never the connection itself: env:NAME, file:PATH, service:NAME or secret:ID.
    connection: ${connection}

${common}

    # Rows that are not worth keeping; the tables themselves are.
    # exclude: { data: [public.sessions, "public.cache_*"] }

    # Restore the newest backup into a throwaway server at 04:00 on the first of each month, compare it object by object, and
    # ask it your own questions.
    restoreTest:
      schedule: "0 4 1 * *"
      # assert:
      #   - { sql: "select count(*) from users", atLeast: 1 }
`,
};

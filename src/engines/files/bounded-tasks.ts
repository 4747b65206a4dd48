/** Runs tasks beside each other, never more than a set number. */

export interface BoundedTasks {
  /**
   * Starts the task; to be awaited, for it waits while too many run. Rejects with the error of any
   * task that has failed.
   */
  run(task: () => Promise<void>): Promise<void>;
  /** Resolves when none is running. Rejects with the first error. */
  drain(): Promise<void>;
}

export function createBoundedTasks(limit: number): BoundedTasks {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const check = () => {
    if (failure !== undefined) throw failure.error;
  };
  return {
    async run(task) {
      check();
      const ended: Promise<void> = task().then(
        () => void running.delete(ended),
        (error: unknown) => {
          failure ??= { error };
          running.delete(ended);
        },
      );
      running.add(ended);
      while (running.size >= limit) await Promise.race(running);
      check();
    },
    async drain() {
      await Promise.all(running);
      check();
    },
  };
}

/** What runs under another Node ends when the process that handed over to it is killed. */

/**
 * Ends this process as if by SIGTERM once the one that handed over to it (find-node.mjs, `linked`)
 * is gone: the person who killed it does not want the backup to go on. Does nothing in a process
 * that was started otherwise, and does not keep one alive.
 */
export function endWithParent() {
  if (process.channel === undefined) return;
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel.unref();
}

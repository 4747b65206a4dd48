/** What a Lambda can do in its time, by which a run is planned and a deployment judged. */

/**
 * At measured rates a Lambda of 2 CPUs dumps up to 68 GiB in its 900 s; a third of that leaves room
 * for a slow source and for growth.
 */
export const maxLambdaBytes = 20 * 1024 ** 3;

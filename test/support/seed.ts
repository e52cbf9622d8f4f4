/**
 * How property tests choose their seed: fixed in CI so that a red run can be repeated, another one by `SEED=n`,
 * more runs by `RUNS=n`. fast-check prints seed and path with every failure.
 */
export const seed = Number(process.env['SEED'] ?? 20261125);
export const runs = (usual: number): number => Number(process.env['RUNS'] ?? usual);

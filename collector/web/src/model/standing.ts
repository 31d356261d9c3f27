// Where an area stands against a target. Pure.
//
// The rate counts a silent centre as not adopting, so it is a lower bound. What silent centres do is not known: with
// them all adopting it would be `upper`. A target between the two is missed as counted, and yet not refuted.

import type { Adoption } from "../api/types";

export type Standing = "met" | "unsure" | "missed" | "no-target" | "no-centres";

type Counts = Pick<Adoption, "registered" | "reporting" | "adopting">;

export function standingOf(row: Pick<Adoption, "rate" | "upper" | "target" | "registered">): Standing {
  if (row.registered === 0 || row.rate === null) return "no-centres";
  if (row.target === null) return "no-target";
  if (reaches(row.rate, row.target)) return "met";
  return row.upper !== null && reaches(row.upper, row.target) ? "unsure" : "missed";
}

/** Rates come with six decimals: 2/3 of 300 must reach a target of 2/3. */
function reaches(rate: number, target: number): boolean {
  return rate >= target - 1e-6;
}

/** How many more centres must adopt to reach the target; 0 if it is reached. */
export function centresMissing(row: Counts & Pick<Adoption, "target">): number {
  if (row.target === null) return 0;
  return Math.max(0, Math.ceil(row.target * row.registered - 1e-6) - row.adopting);
}

/** Registered centres in three parts that add up to them. */
export function parts(row: Counts): { adopting: number; reportingOnly: number; silent: number } {
  return {
    adopting: row.adopting,
    reportingOnly: Math.max(0, row.reporting - row.adopting),
    silent: Math.max(0, row.registered - row.reporting),
  };
}

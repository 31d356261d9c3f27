// The bullet bar: what adopts (solid), what is not known (striped), what reports and does not adopt (empty), and the
// target as a mark across. Decoration beside numbers that say the same.

import { h, type VNode } from "../dom";
import type { Adoption } from "../api/types";

function part(share: number): string {
  return `${Math.round(share * 10000) / 100}%`;
}

export function bar(row: Pick<Adoption, "rate" | "upper" | "target">, size: "large" | "small"): VNode {
  const rate = row.rate ?? 0;
  const upper = row.upper ?? rate;
  const style = { "--rate": part(rate), "--upper": part(upper), "--target": part(row.target ?? 0) };
  return h(
    "div",
    { class: `bar bar-${size}`, style, "aria-hidden": "true" },
    h("div", { class: "bar-track" }, h("div", { class: "bar-unknown" }), h("div", { class: "bar-fill" })),
    row.target !== null && h("div", { class: "bar-target" }),
  );
}

// Signs that differ in shape, so that no state is told by colour alone.

import { h, type VNode } from "../dom";
import type { Standing } from "../model/standing";

const PATHS: Record<string, string> = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  down: "M8 3v9M4 8.5L8 12.5 12 8.5",
  question: "M5.6 6.2a2.4 2.4 0 1 1 3.6 2.1c-.8.5-1.2.9-1.2 1.8M8 12.6v.1",
  dash: "M4 8h8",
  silent: "M8 2.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6M4.2 11.8l7.6-7.6",
};

export function icon(name: keyof typeof PATHS): VNode {
  return h(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", focusable: "false" },
    h("path", {
      d: PATHS[name],
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 2,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
    }),
  );
}

export const STANDING_ICON: Record<Standing, keyof typeof PATHS> = {
  met: "check",
  unsure: "question",
  missed: "down",
  "no-target": "dash",
  "no-centres": "dash",
};

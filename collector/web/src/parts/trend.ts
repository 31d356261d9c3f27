// The trend of one indicator: rate as a line, what is not known as a band above it, the target as a step line. Plain
// SVG: it prints, follows the theme and needs no library. The same figures stand in a table below it.

import type { Adoption, Indicator } from "../api/types";
import type { Context } from "../context";
import { h, type Child, type VNode } from "../dom";

const HEIGHT = 216;
const EDGE = { top: 30, right: 12, bottom: 24, left: 44 };

interface Plot {
  context: Context;
  periods: string[];
  rows: (Adoption | undefined)[];
  width: number;
  x(index: number): number;
  y(share: number): number;
  step: number;
}

export function trend(
  context: Context,
  indicator: Indicator,
  own: Adoption[],
  periods: string[],
  chosen: string,
): VNode {
  const { name, t } = context;
  const rows = periods.map((period) => own.find((row) => row.indicator === indicator.id && row.period === period));
  const width = Math.max(240, context.chartWidth);
  const step = (width - EDGE.left - EDGE.right) / Math.max(1, periods.length);
  const plot: Plot = {
    context,
    periods,
    rows,
    width,
    step,
    x: (index) => EDGE.left + step * (index + 0.5),
    y: (share) => EDGE.top + (1 - share) * (HEIGHT - EDGE.top - EDGE.bottom),
  };
  return h(
    "figure",
    { class: "trend", key: indicator.id },
    h("figcaption", {}, name(indicator.name)),
    h(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${width} ${HEIGHT}`,
        role: "img",
        "aria-label": `${t.trendOf(name(indicator.name))}. ${summary(plot)}`,
        mounted: context.watchWidth,
      },
      grid(plot),
      chosenMonth(plot, chosen),
      band(plot),
      targetLine(plot),
      rateLine(plot),
      readout(plot, chosen),
    ),
  );
}

function summary({ context: { f, t }, rows }: Plot): string {
  const known = rows.filter((row): row is Adoption => row !== undefined && row.rate !== null);
  const first = known[0];
  const last = known[known.length - 1];
  if (!first || !last) return t.noFigure;
  return t.trendSummary(
    f.period(first.period),
    f.percent(first.rate ?? 0, first.target),
    f.period(last.period),
    f.percent(last.rate ?? 0, last.target),
  );
}

function grid({ context: { f }, width, x, y, periods, step }: Plot): Child {
  const every = Math.max(1, Math.ceil(38 / step));
  const last = periods.length - 1;
  return h(
    "g",
    { class: "grid" },
    [0, 0.25, 0.5, 0.75, 1].map((share) => [
      h("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(share), y2: y(share) }),
      h("text", { x: EDGE.left - 8, y: y(share) + 4, "text-anchor": "end" }, f.wholePercent(share)),
    ]),
    periods.map((period, index) =>
      (last - index) % every === 0
        ? h("text", { x: x(index), y: HEIGHT - 6, "text-anchor": "middle" }, f.periodShort(period))
        : null,
    ),
  );
}

/** Runs of neighbouring periods that have a rate: a line must not bridge what is missing. */
function runs(rows: (Adoption | undefined)[]): number[][] {
  const result: number[][] = [];
  rows.forEach((row, index) => {
    if (!row || row.rate === null) return;
    const run = result[result.length - 1];
    if (run && run[run.length - 1] === index - 1) run.push(index);
    else result.push([index]);
  });
  return result;
}

function points(indices: number[], { rows, x, y }: Plot, of: (row: Adoption) => number | null): string[] {
  return indices.map((index) => `${x(index).toFixed(1)} ${y(of(rows[index] as Adoption) ?? 0).toFixed(1)}`);
}

function band(plot: Plot): Child {
  return runs(plot.rows).map((run) => {
    const upper = points(run, plot, (row) => row.upper);
    const lower = points(run, plot, (row) => row.lower).reverse();
    if (run.length > 1) return h("path", { class: "band", d: `M${[...upper, ...lower].join("L")}Z` });
    return h("path", { class: "band-one", d: `M${upper[0]}L${lower[0]}` });
  });
}

/** The end of the target line at which the rate keeps away from it: there is room for its label. */
function labelAtStart(rows: (Adoption | undefined)[]): boolean {
  const room = (some: (Adoption | undefined)[]): number =>
    Math.min(
      1,
      ...some.map((row) => (row && row.rate !== null && row.target !== null ? Math.abs(row.rate - row.target) : 1)),
    );
  return room(rows.slice(0, 3)) > room(rows.slice(-3));
}

function targetLine({ context: { f, t }, rows, x, y, step, width }: Plot): Child {
  let path = "";
  let first: Adoption | undefined;
  let last: Adoption | undefined;
  rows.forEach((row, index) => {
    if (!row || row.target === null) return;
    const level = y(row.target).toFixed(1);
    const left = (x(index) - step / 2).toFixed(1);
    path += (rows[index - 1]?.target ?? null) === null ? `M${left} ${level}` : `L${left} ${level}`;
    path += `L${(x(index) + step / 2).toFixed(1)} ${level}`;
    first ??= row;
    last = row;
  });
  const atStart = labelAtStart(rows);
  const labelled = atStart ? first : last;
  if (!labelled || labelled.target === null) return null;
  const place = atStart
    ? { x: EDGE.left + 4, "text-anchor": "start" }
    : { x: width - EDGE.right, "text-anchor": "end" };
  return h(
    "g",
    { class: "target" },
    h("path", { d: path }),
    h("text", { ...place, y: y(labelled.target) - 6 }, t.target(f.wholePercent(labelled.target))),
  );
}

function rateLine(plot: Plot): Child {
  const { rows, x, y } = plot;
  const lines = runs(rows).map((run) => {
    const closed = run.filter((index) => !rows[index]?.open);
    const opening = run.filter((index, at) => rows[index]?.open || rows[run[at + 1] ?? -1]?.open);
    return [
      closed.length > 1 &&
        h("path", { class: "rate-line", d: `M${points(closed, plot, (row) => row.rate).join("L")}` }),
      opening.length > 1 &&
        h("path", { class: "rate-line rate-open", d: `M${points(opening, plot, (row) => row.rate).join("L")}` }),
    ];
  });
  const dots = rows.map((row, index) =>
    row && row.rate !== null
      ? h("circle", { class: row.open ? "dot dot-open" : "dot", cx: x(index), cy: y(row.rate), r: 3.5 })
      : null,
  );
  return h("g", { class: "rate-series" }, lines, dots);
}

function chosenMonth({ periods, x, step }: Plot, chosen: string): Child {
  const index = periods.indexOf(chosen);
  if (index < 0) return null;
  const height = HEIGHT - EDGE.top - EDGE.bottom;
  return h("rect", { class: "chosen", x: x(index) - step / 2, y: EDGE.top, width: step, height });
}

/** Says the chosen period's figures; pointing at another period reads that one out, clicking goes there. */
function readout(plot: Plot, chosen: string): Child {
  const { context, periods, rows, x, step } = plot;
  const text = (index: number): VNode =>
    h("text", { class: "readout", x: EDGE.left, y: 14 }, words(plot, periods[index] as string, rows[index]));
  const at = periods.indexOf(chosen);
  return h(
    "g",
    { class: "months" },
    at >= 0 && h("g", { class: "readout-default" }, text(at)),
    periods.map((period, index) =>
      h(
        "g",
        { class: "month", key: period, on: { click: () => context.go({ ...context.route, period }) } },
        h("rect", { x: x(index) - step / 2, y: EDGE.top, width: step, height: HEIGHT - EDGE.top }),
        h("line", { x1: x(index), x2: x(index), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }),
        text(index),
      ),
    ),
  );
}

function words({ context: { f, t }, width }: Plot, period: string, row: Adoption | undefined): string {
  const when = f.periodTitle(period);
  if (!row || row.rate === null) return `${when}: ${t.noFigure}`;
  const rate = `${when}: ${f.percent(row.rate, row.target)}`;
  if (row.upper === null || row.lower === null || row.upper - row.lower < 5e-4) return rate;
  return `${rate} (${width < 440 ? "" : `${t.range.toLocaleLowerCase()} `}${f.percent(row.lower, row.target)}–${f.percent(row.upper, row.target)})`;
}

export function trendLegend({ t }: Context): VNode {
  const entry = (mark: string, label: string): VNode =>
    h("li", {}, h("span", { class: `key key-${mark}`, "aria-hidden": "true" }), label);
  return h("ul", { class: "legend" }, entry("line", t.line), entry("band", t.band), entry("target", t.targetShort));
}

export function trendTable(context: Context, own: Adoption[], periods: string[]): VNode {
  const { f, t, name, deployment } = context;
  const head = ["registered", "reporting", "adopting", "rate", "range", "targetShort"] as const;
  const cells = (row: Adoption | undefined): Child =>
    row === undefined || row.rate === null
      ? head.map((_, index) => h("td", { key: index }, "–"))
      : [
          h("td", {}, f.integer(row.registered)),
          h("td", {}, f.integer(row.reporting)),
          h("td", {}, f.integer(row.adopting)),
          h("td", {}, f.percent(row.rate, row.target)),
          h(
            "td",
            {},
            `${f.percent(row.lower ?? row.rate, row.target)}–${f.percent(row.upper ?? row.rate, row.target)}`,
          ),
          h("td", {}, row.target === null ? "–" : f.wholePercent(row.target)),
        ];
  const table = (id: string, caption: string): VNode =>
    h(
      "table",
      { class: "data", key: id },
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col", class: "text" }, t.period),
          head.map((word) => h("th", { scope: "col" }, t[word])),
        ),
      ),
      h(
        "tbody",
        {},
        [...periods].reverse().map((period) => {
          const row = own.find((candidate) => candidate.indicator === id && candidate.period === period);
          const open = row?.open ? ` (${t.openPeriod})` : "";
          return h("tr", { key: period }, h("th", { scope: "row" }, f.periodTitle(period) + open), cells(row));
        }),
      ),
    );
  return h(
    "details",
    { class: "disclosure" },
    h("summary", {}, t.trendTable),
    h(
      "div",
      { class: "columns" },
      deployment.indicators.map((indicator) =>
        h(
          "div",
          { class: "scroll", key: indicator.id, tabindex: 0, role: "region", "aria-label": name(indicator.name) },
          table(indicator.id, name(indicator.name)),
        ),
      ),
    ),
  );
}

// One indicator of one area in one period: the rate, its target, what is known and what is not.

import type { Adoption, Indicator } from "../api/types";
import type { Context } from "../context";
import { h, type Child, type VNode } from "../dom";
import { centresMissing, parts, standingOf } from "../model/standing";
import { routeHash } from "../route";
import { bar } from "./bar";
import { icon, STANDING_ICON } from "./icons";

interface Series {
  current: Adoption | undefined;
  previous: Adoption | undefined;
  /** The period under way, if another one is shown. */
  running: Adoption | undefined;
}

export function indicatorCard(context: Context, indicator: Indicator, rows: Adoption[], period: string): VNode {
  const { name, t } = context;
  const series = pick(rows, period, context.deployment.periods);
  const row = series.current;
  return h(
    "article",
    { class: "card", key: indicator.id, "data-indicator": indicator.id },
    h("h3", { class: "card-name" }, name(indicator.name)),
    row === undefined || row.rate === null
      ? h("p", { class: "card-none" }, row === undefined ? t.noFigure : t.noCentres)
      : figures(context, row, series),
    h("p", { class: "source" }, `${t.source}: ${indicator.source}`),
  );
}

function pick(rows: Adoption[], period: string, periods: readonly string[]): Series {
  const before = periods[periods.indexOf(period) - 1];
  return {
    current: rows.find((row) => row.period === period),
    previous: rows.find((row) => row.period === before),
    running: rows.find((row) => row.open && row.period !== period),
  };
}

function figures(context: Context, row: Adoption, series: Series): Child {
  const { f, t } = context;
  const rate = row.rate ?? 0;
  const standing = standingOf(row);
  return [
    h(
      "div",
      { class: "headline" },
      h("p", { class: "rate" }, f.percent(rate, row.target)),
      h(
        "div",
        { class: "headline-words" },
        h(
          "p",
          { class: `chip chip-${standing}`, title: t.standingHint[standing] },
          icon(STANDING_ICON[standing]!),
          t.standing[standing],
        ),
        row.target !== null && h("p", { class: "gap-words" }, gapWords(context, row)),
      ),
    ),
    h(
      "p",
      { class: "sub" },
      t.ofRegistered(f.integer(row.adopting), f.integer(row.registered)),
      change(context, rate, series.previous),
    ),
    bullet(context, row),
    counts(context, row),
    h("div", { class: "notes" }, h("p", null, bounds(context, row)), running(context, series.running)),
  ];
}

function gapWords({ f, t }: Context, row: Adoption): string {
  const gap = row.gap ?? 0;
  if (standingOf(row) === "met") return Math.abs(gap) < 1e-6 ? t.exactly : t.above(f.points(gap));
  const missing = centresMissing(row);
  return t.below(f.points(gap), f.integer(missing), missing);
}

function change({ f, t }: Context, rate: number, previous: Adoption | undefined): Child {
  if (!previous || previous.rate === null) return null;
  const difference = rate - previous.rate;
  const period = f.period(previous.period);
  const words = Math.abs(difference) < 5e-7 ? t.unchanged(period) : t.change(f.signedPoints(difference), period);
  return [" · ", words];
}

function bullet({ f, t }: Context, row: Adoption): VNode {
  const target = row.target;
  return h(
    "div",
    { class: "bullet" },
    target !== null &&
      h(
        "div",
        { class: "bullet-label", style: { "--target": `${target * 100}%` } },
        h("span", {}, t.target(f.wholePercent(target))),
      ),
    bar(row, "large"),
    h(
      "div",
      { class: "scale", "aria-hidden": "true" },
      [0, 0.25, 0.5, 0.75, 1].map((tick) => h("span", {}, f.wholePercent(tick))),
    ),
  );
}

function counts({ f, t }: Context, row: Adoption): VNode {
  const split = parts(row);
  const figure = (label: string, value: number, mark: string | null): VNode =>
    h(
      "div",
      { class: "count" },
      h("dt", {}, mark !== null && h("span", { class: `swatch swatch-${mark}`, "aria-hidden": "true" }), label),
      h("dd", {}, f.integer(value)),
    );
  return h(
    "dl",
    { class: "counts" },
    figure(t.registered, row.registered, null),
    figure(t.reporting, row.reporting, null),
    figure(t.adopting, split.adopting, "fill"),
    figure(t.notAdopting, split.reportingOnly, "track"),
    figure(t.silent, split.silent, "unknown"),
  );
}

function bounds({ f, t }: Context, row: Adoption): string {
  const { silent } = parts(row);
  if (silent === 0 || row.lower === null || row.upper === null) return t.boundsNone;
  return t.bounds(f.percent(row.lower, row.target), f.percent(row.upper, row.target), f.integer(silent), silent);
}

function running(context: Context, row: Adoption | undefined): Child {
  if (!row || row.rate === null) return null;
  const { f, t, route } = context;
  return h(
    "p",
    { class: "running" },
    h("a", { href: routeHash({ ...route, period: row.period }) }, t.running(f.periodTitle(row.period))),
    ": ",
    h("strong", {}, f.percent(row.rate, row.target)),
  );
}

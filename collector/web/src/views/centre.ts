// A centre: whether it counts, why, and what was recorded.

import type { Usage } from "../api/types";
import type { Context } from "../context";
import { h, type Child, type VNode } from "../dom";
import type { CentreData } from "../load";
import { typeName } from "../parts/centres-list";
import { verdictCard } from "../parts/verdict";
import { routeHash } from "../route";

export function centreView(context: Context, { detail, period }: CentreData): Child {
  const { f, t } = context;
  return [
    h(
      "div",
      { class: "heading" },
      h("h1", { tabindex: -1 }, detail.name),
      h("p", { class: "lead" }, typeName(context, detail.type), " · ", h("code", {}, detail.id)),
    ),
    facts(context, detail),
    h(
      "div",
      { class: "centre" },
      h(
        "section",
        { class: "panel", "aria-labelledby": "verdict-title" },
        h("div", { class: "panel-head" }, h("h2", { id: "verdict-title" }, t.verdictOf(f.period(period)))),
        detail.verdicts.length === 0
          ? h("p", { class: "none" }, t.noVerdict)
          : detail.verdicts.map((verdict) => verdictCard(context, verdict, detail.head_count)),
      ),
      h(
        "section",
        { class: "panel", "aria-labelledby": "usage-title" },
        h("div", { class: "panel-head" }, h("h2", { id: "usage-title" }, t.usage)),
        usage(context, detail.usage, period),
      ),
    ),
  ];
}

function facts(context: Context, detail: CentreData["detail"]): VNode {
  const { f, t, route } = context;
  const fact = (label: string, value: Child): VNode => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  const area = routeHash({ view: "area", code: detail.area, list: "areas", period: route.period });
  return h(
    "dl",
    { class: "facts" },
    fact(t.area, h("a", { href: area }, detail.area_name)),
    fact(t.headCount, f.integer(detail.head_count)),
    detail.opened !== null && fact(t.opened, f.day(detail.opened)),
    detail.closed !== null && fact(t.closed, f.day(detail.closed)),
    fact(t.lastEvent, detail.last_event === null ? t.never : f.dayTime(detail.last_event)),
  );
}

const METRICS = ["active_days", "events", "seconds", "users", "devices"] as const;
const ORDER = ["management", "teaching", "learning", "community"];

function place(activity: string): number {
  const index = ORDER.indexOf(activity);
  return index < 0 ? ORDER.length : index;
}

function figure({ f, t }: Context, row: Usage, metric: (typeof METRICS)[number]): Child {
  const value = row[metric];
  if (value === null) return h("span", { class: "muted", title: t.fewPeople }, t.hidden);
  if (metric === "seconds") return value === 0 ? "–" : f.duration(value);
  return f.integer(value);
}

function usage(context: Context, rows: Usage[], period: string): Child {
  const { f, t } = context;
  const now = rows.filter((row) => row.period === period);
  const earlier = rows.filter((row) => row.period < period);
  const byPeriod = (a: Usage, b: Usage): number =>
    f.compare(b.period, a.period) || place(a.activity) - place(b.activity);
  return [
    now.length === 0 ? h("p", { class: "none" }, t.noUsage) : usageTable(context, now.sort(byPeriod), t.usage, false),
    earlier.length > 0 &&
      h(
        "details",
        { class: "disclosure" },
        h("summary", {}, t.earlier),
        usageTable(context, earlier.sort(byPeriod), t.earlier, true),
      ),
  ];
}

function usageTable(context: Context, rows: Usage[], caption: string, withPeriod: boolean): VNode {
  const { f, t } = context;
  const row = (each: Usage): VNode =>
    h(
      "tr",
      { key: `${each.period} ${each.activity}` },
      withPeriod && h("td", { class: "text" }, f.periodTitle(each.period)),
      h("th", { scope: "row" }, t.activityName[each.activity] ?? each.activity),
      METRICS.map((metric) => h("td", { key: metric }, figure(context, each, metric))),
    );
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { class: "data" },
      h("caption", { class: "visually-hidden" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          withPeriod && h("th", { scope: "col", class: "text" }, t.period),
          h("th", { scope: "col", class: "text" }, t.activity),
          METRICS.map((metric) => h("th", { scope: "col" }, t.metricColumn[metric])),
        ),
      ),
      h("tbody", {}, rows.map(row)),
    ),
  );
}

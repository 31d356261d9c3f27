// An area: how it stands, how it got there, and its parts.

import { adoptionCsv, centresCsv } from "../api/client";
import type { Context } from "../context";
import { h, type Child, type VNode } from "../dom";
import type { AreaData } from "../load";
import { standingOf } from "../model/standing";
import { areasList } from "../parts/areas-list";
import { centresList } from "../parts/centres-list";
import { indicatorCard } from "../parts/indicator-card";
import { trend, trendLegend, trendTable } from "../parts/trend";
import { routeHash } from "../route";

export function areaView(context: Context, data: AreaData): Child {
  const { deployment, t } = context;
  const { own, period, window } = data;
  const indicators = deployment.indicators;
  const of = (id: string): AreaData["own"] => own.filter((row) => row.indicator === id);
  return [
    heading(context, data),
    h(
      "section",
      { class: "cards", "aria-labelledby": "indicators-title" },
      h("h2", { id: "indicators-title", class: "visually-hidden" }, t.indicators),
      indicators.map((indicator) => indicatorCard(context, indicator, of(indicator.id), period)),
    ),
    h(
      "section",
      { class: "panel", "aria-labelledby": "trend-title" },
      h("div", { class: "panel-head" }, h("h2", { id: "trend-title" }, t.trend), trendLegend(context)),
      h(
        "div",
        { class: "columns" },
        indicators.map((indicator) => trend(context, indicator, own, window, period)),
      ),
      trendTable(context, own, window),
    ),
    breakdown(context, data),
  ];
}

function heading(context: Context, data: AreaData): VNode {
  const { deployment, f, t } = context;
  const now = data.own.filter((row) => row.period === data.period);
  const open = now.some((row) => row.open);
  const judged = now.map(standingOf).filter((standing) => standing !== "no-target" && standing !== "no-centres");
  const met = judged.filter((standing) => standing === "met").length;
  const isRoot = data.code === deployment.root.code;
  const summary =
    judged.length === 0 ? "" : judged.length === 1 ? t.summaryOne(met === 1) : t.summary(met, judged.length);
  return h(
    "div",
    { class: "heading" },
    h("h1", { tabindex: -1 }, isRoot ? t.title : data.name),
    h("p", { class: "lead" }, h("strong", {}, f.periodTitle(data.period)), summary === "" ? null : `. ${summary}`),
    open && h("p", { class: "provisional" }, t.provisional(f.period(data.period))),
  );
}

function breakdown(context: Context, data: AreaData): VNode {
  const { f, t } = context;
  const showsCentres = data.centres !== null;
  const title = showsCentres ? t.centresIn(data.name) : t.areasIn(data.name);
  return h(
    "section",
    { class: "panel", "aria-labelledby": "parts-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "parts-title" }, title), tools(context, data, showsCentres)),
    data.centres === null
      ? areasList(context, data.children, title)
      : data.centres.length === 0
        ? h("p", { class: "none" }, t.noCentresListed)
        : centresList(context, data.centres, data.code, title),
    !data.complete &&
      data.centres !== null &&
      h("p", { class: "provisional" }, t.truncated(f.integer(data.centres.length))),
  );
}

function tools(context: Context, data: AreaData, centres: boolean): VNode {
  const file = centres
    ? centresCsv(data.code, data.period)
    : adoptionCsv({ parent: data.code, from: data.period, to: data.period });
  return h(
    "div",
    { class: "panel-tools" },
    h(
      "a",
      {
        class: "download",
        href: file,
        download: `edutally-${data.code}-${data.period}.csv`,
        on: { click: context.download },
      },
      context.t.download,
    ),
    data.children.length > 0 && tabs(context, data, centres),
  );
}

function tabs({ t, route }: Context, data: AreaData, centres: boolean): VNode {
  const link = (list: "areas" | "centres", label: string, here: boolean): VNode =>
    h(
      "a",
      {
        key: list,
        href: routeHash({ view: "area", code: data.code, list, period: route.period }),
        "aria-current": here ? "true" : null,
      },
      label,
    );
  return h(
    "nav",
    { class: "segmented", "aria-label": t.breakdown },
    link("areas", t.areas, !centres),
    link("centres", t.centresTab, centres),
  );
}

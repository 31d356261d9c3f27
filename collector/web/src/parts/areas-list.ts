// The direct children of an area, each with the figures of every indicator.

import type { Adoption, Indicator } from "../api/types";
import { ROWS_SHOWN, type Context } from "../context";
import { h, type Child, type VNode } from "../dom";
import { standingOf } from "../model/standing";
import { routeHash } from "../route";
import { bar } from "./bar";
import { icon, STANDING_ICON } from "./icons";
import { list, type Column } from "./list";

interface AreaRow {
  code: string;
  name: string;
  figures: Map<string, Adoption>;
}

export function areasList(context: Context, children: Adoption[], caption: string): VNode {
  const { deployment, t } = context;
  const indicators = deployment.indicators;
  const first = indicators[0]?.id ?? "";
  return list<AreaRow>(context, {
    id: "areas",
    rows: group(children),
    columns: [nameColumn(context), ...indicators.flatMap((indicator) => columns(context, indicator))],
    // Where the target is missed by most stands on top: that is the question.
    initial: { sort: `${first}:gap`, descending: false, search: "", limit: ROWS_SHOWN },
    searchLabel: t.searchArea,
    caption,
    searched: (row) => row.name,
    rowKey: (row) => row.code,
    groups: h(
      "tr",
      { class: "groups" },
      h("td", { class: "text" }),
      indicators.map((indicator) =>
        h(
          "th",
          { key: indicator.id, scope: "colgroup", colspan: 5, class: "first" },
          h("div", null, context.name(indicator.name)),
        ),
      ),
    ),
    card: (row) => card(context, row),
  });
}

function group(children: Adoption[]): AreaRow[] {
  const rows = new Map<string, AreaRow>();
  for (const figure of children) {
    let row = rows.get(figure.area);
    if (!row) rows.set(figure.area, (row = { code: figure.area, name: figure.area_name, figures: new Map() }));
    row.figures.set(figure.indicator, figure);
  }
  return [...rows.values()];
}

function link({ route }: Context, row: AreaRow): VNode {
  return h("a", { href: routeHash({ view: "area", code: row.code, list: "areas", period: route.period }) }, row.name);
}

function nameColumn(context: Context): Column<AreaRow> {
  return { id: "name", label: context.t.area, text: true, key: (row) => row.name, cell: (row) => link(context, row) };
}

function columns(context: Context, indicator: Indicator): Column<AreaRow>[] {
  const { f, t, name } = context;
  const of = (row: AreaRow): Adoption | undefined => row.figures.get(indicator.id);
  const count = (id: "registered" | "reporting" | "adopting", first: boolean): Column<AreaRow> => ({
    id: `${indicator.id}:${id}`,
    label: t[id],
    group: name(indicator.name),
    first,
    key: (row) => of(row)?.[id] ?? null,
    cell: (row) => {
      const figure = of(row);
      return figure ? f.integer(figure[id]) : "–";
    },
  });
  return [
    count("registered", true),
    count("reporting", false),
    count("adopting", false),
    {
      id: `${indicator.id}:rate`,
      label: t.rate,
      group: name(indicator.name),
      key: (row) => of(row)?.rate ?? null,
      cell: (row) => rateCell(context, of(row)),
    },
    {
      id: `${indicator.id}:gap`,
      label: t.gap,
      group: name(indicator.name),
      hint: t.gapHint,
      key: (row) => of(row)?.gap ?? null,
      cell: (row) => gapCell(context, of(row)),
    },
  ];
}

function rateCell({ f }: Context, figure: Adoption | undefined): Child {
  if (!figure || figure.rate === null) return "–";
  return h("div", { class: "rate-cell" }, bar(figure, "small"), h("span", {}, f.percent(figure.rate, figure.target)));
}

function gapCell({ f, t }: Context, figure: Adoption | undefined, unit = ""): Child {
  if (!figure || figure.gap === null) return "–";
  const standing = standingOf(figure);
  return h(
    "span",
    { class: `gap gap-${standing}`, title: t.standing[standing] },
    f.signedPoints(figure.gap) + unit,
    icon(STANDING_ICON[standing]!),
    h("span", { class: "visually-hidden" }, t.standing[standing]),
  );
}

function card(context: Context, row: AreaRow): Child {
  const { f, t, name, deployment } = context;
  return [
    h("p", { class: "row-name" }, link(context, row)),
    deployment.indicators.map((indicator) => {
      const figure = row.figures.get(indicator.id);
      if (!figure || figure.registered === 0) return null;
      return h(
        "div",
        { class: "row-indicator", key: indicator.id },
        h("p", { class: "row-label one-line", title: name(indicator.name) }, name(indicator.name)),
        rateCell(context, figure),
        h(
          "p",
          { class: "row-words" },
          h(
            "span",
            {},
            t.ofRegistered(f.integer(figure.adopting), f.integer(figure.registered)),
            ` · ${t.reporting.toLocaleLowerCase()} ${f.integer(figure.reporting)}`,
          ),
          gapCell(context, figure, ` ${t.gapUnit}`),
        ),
      );
    }),
  ];
}

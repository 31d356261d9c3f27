// The centres of an area, each with its result in the period.

import { ROWS_SHOWN, type Context } from "../context";
import { h, type Child, type VNode } from "../dom";
import type { CentreResult, CentreRow } from "../load";
import { routeHash } from "../route";
import { icon } from "./icons";
import { list, type Column } from "./list";

export function centresList(context: Context, rows: CentreRow[], area: string, caption: string): VNode {
  const { f, t } = context;
  const columns: Column<CentreRow>[] = [
    { id: "name", label: t.centre, text: true, key: (row) => row.centre.name, cell: (row) => link(context, row) },
    {
      id: "type",
      label: t.type,
      text: true,
      key: (row) => typeName(context, row.centre.type),
      cell: (row) => typeName(context, row.centre.type),
    },
  ];
  if (rows.some((row) => row.centre.area !== area)) {
    columns.push({
      id: "area",
      label: t.area,
      text: true,
      key: (row) => row.centre.area_name,
      cell: (row) => row.centre.area_name,
    });
  }
  columns.push(
    {
      id: "heads",
      label: t.headCount,
      key: (row) => row.centre.head_count,
      cell: (row) => f.integer(row.centre.head_count),
    },
    {
      id: "state",
      label: t.state,
      text: true,
      key: (row) => rank(row.results),
      cell: (row) => states(context, row.results),
    },
  );
  return list<CentreRow>(context, {
    id: `centres ${area}`,
    rows,
    columns,
    initial: { sort: "state", descending: false, search: "", limit: ROWS_SHOWN },
    searchLabel: t.searchCentre,
    caption,
    searched: (row) =>
      `${row.centre.name} ${row.centre.id} ${typeName(context, row.centre.type)} ${row.centre.area_name}`,
    rowKey: (row) => row.centre.id,
    card: (row) => [
      h("p", { class: "row-name" }, link(context, row)),
      h("p", { class: "row-label" }, `${typeName(context, row.centre.type)} · ${row.centre.area_name}`),
      h("div", { class: "row-states" }, states(context, row.results)),
    ],
  });
}

export function typeName({ t }: Context, type: string): string {
  return t.typeName[type] ?? type;
}

/** What needs attention first: silent, then not adopting, then adopting; not covered at the end. */
function rank(results: CentreResult[]): number | null {
  if (results.length === 0) return null;
  return Math.min(...results.map((result) => (!result.reporting ? 0 : result.adopts ? 2 : 1)));
}

function link({ route }: Context, { centre }: CentreRow): VNode {
  return h("a", { href: routeHash({ view: "centre", id: centre.id, period: route.period }) }, centre.name);
}

function states(context: Context, results: CentreResult[]): Child {
  if (results.length === 0) return h("span", { class: "muted" }, context.t.notApplicable);
  const several = results.length > 1;
  return results.map((result) => {
    const indicator = context.deployment.indicators.find((candidate) => candidate.id === result.indicator);
    const of = several && indicator ? h("span", { class: "muted" }, `${context.name(indicator.name)}: `) : null;
    return h("div", { key: result.indicator }, of, resultChip(context, result));
  });
}

export function resultChip({ t }: Context, { reporting, adopts }: { reporting: boolean; adopts: boolean }): VNode {
  if (!reporting) return h("span", { class: "chip chip-silent" }, icon("silent"), t.isSilent);
  if (adopts) return h("span", { class: "chip chip-met" }, icon("check"), t.adopts);
  return h("span", { class: "chip chip-missed" }, icon("cross"), t.adoptsNot);
}

// What the lists of areas and of centres share: search, sorting by column head or, on a phone, by a choice.

import { ROWS_SHOWN, type Context, type TableState } from "../context";
import { h, type Child, type VNode } from "../dom";
import { ordered, searched, type SortKey } from "../model/order";

export interface Column<T> {
  id: string;
  label: string;
  /** What the label leaves to the head above it. */
  group?: string;
  hint?: string;
  text?: boolean;
  /** The first of a group of columns. */
  first?: boolean;
  key(row: T): SortKey;
  cell(row: T): Child;
}

export interface ListOptions<T> {
  id: string;
  rows: readonly T[];
  columns: Column<T>[];
  initial: TableState;
  searchLabel: string;
  caption: string;
  searched(row: T): string;
  rowKey(row: T): string;
  /** Head rows above the columns' own. */
  groups?: Child;
  card(row: T): Child;
}

export function list<T>(context: Context, options: ListOptions<T>): VNode {
  const { f, t } = context;
  const state = context.table(options.id, options.initial);
  const column = options.columns.find((candidate) => candidate.id === state.sort) ?? options.columns[0];
  const found = searched(options.rows, options.searched, state.search);
  const sorted = column ? ordered(found, column.key, state.descending, f.compare) : found;
  const rows = sorted.slice(0, state.limit);
  const hidden = sorted.length - rows.length;
  const change = (next: Partial<TableState>): void => context.setTable(options.id, { ...state, ...next });
  return h(
    "div",
    { class: "list", key: options.id },
    h(
      "div",
      { class: "tools" },
      search(context, options, state, change),
      context.narrow && sortChoice(context, options.columns, state, change),
      h(
        "p",
        { class: "count-shown", role: "status" },
        t.shown(f.integer(found.length), f.integer(options.rows.length)),
      ),
    ),
    rows.length === 0
      ? h("p", { class: "none" }, t.noMatch)
      : context.narrow
        ? cards(options, rows)
        : table(options, rows, state, change),
    hidden > 0 &&
      h(
        "button",
        { type: "button", class: "button more", on: { click: () => change({ limit: state.limit + ROWS_SHOWN }) } },
        t.more(f.integer(Math.min(hidden, ROWS_SHOWN))),
      ),
  );
}

type Change = (next: Partial<TableState>) => void;

function search<T>({ t }: Context, options: ListOptions<T>, state: TableState, change: Change): VNode {
  return h(
    "label",
    { class: "search" },
    h("span", {}, options.searchLabel),
    h("input", {
      type: "search",
      value: state.search,
      placeholder: t.searchHint,
      autocomplete: "off",
      spellcheck: "false",
      on: { input: (event) => change({ search: (event.target as HTMLInputElement).value }) },
    }),
  );
}

function sortChoice<T>({ t }: Context, columns: Column<T>[], state: TableState, change: Change): VNode {
  const choose = (event: Event): void => {
    const [sort = "", direction] = (event.target as HTMLSelectElement).value.split(" ");
    change({ sort, descending: direction === "down" });
  };
  return h(
    "label",
    { class: "sort" },
    h("span", {}, t.sortBy),
    h(
      "select",
      { value: `${state.sort} ${state.descending ? "down" : "up"}`, on: { change: choose } },
      columns.map((column) =>
        [false, true].map((descending) =>
          h(
            "option",
            { key: `${column.id} ${descending}`, value: `${column.id} ${descending ? "down" : "up"}` },
            `${column.label}, ${descending ? t.descending : t.ascending}${column.group === undefined ? "" : ` – ${column.group}`}`,
          ),
        ),
      ),
    ),
  );
}

function table<T>(options: ListOptions<T>, rows: T[], state: TableState, change: Change): VNode {
  const head = (column: Column<T>): VNode => {
    const sorted = column.id === state.sort;
    const descending = sorted ? !state.descending : !column.text;
    return h(
      "th",
      {
        key: column.id,
        scope: "col",
        class: columnClass(column),
        "aria-sort": sorted ? (state.descending ? "descending" : "ascending") : null,
      },
      h(
        "button",
        {
          type: "button",
          class: "head",
          title: column.hint ?? null,
          on: { click: () => change({ sort: column.id, descending }) },
        },
        column.label,
        h("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (state.descending ? "↓" : "↑") : ""),
      ),
    );
  };
  const cell = (column: Column<T>, row: T): VNode =>
    h(
      column === options.columns[0] ? "th" : "td",
      { key: column.id, class: columnClass(column), scope: column === options.columns[0] ? "row" : null },
      column.cell(row),
    );
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": options.caption },
    h(
      "table",
      { class: "data main-table" },
      h("caption", { class: "visually-hidden" }, options.caption),
      h("thead", {}, options.groups, h("tr", {}, options.columns.map(head))),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            { key: options.rowKey(row) },
            options.columns.map((column) => cell(column, row)),
          ),
        ),
      ),
    ),
  );
}

function columnClass<T>(column: Column<T>): string {
  return `col-${column.id.split(":").pop() ?? ""}${column.text ? " text" : ""}${column.first ? " first" : ""}`;
}

function cards<T>(options: ListOptions<T>, rows: T[]): VNode {
  return h(
    "ul",
    { class: "rows", "aria-label": options.caption },
    rows.map((row) => h("li", { key: options.rowKey(row), class: "row" }, options.card(row))),
  );
}

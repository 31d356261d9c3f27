// What every view and part may read, and what it may ask for. Views are pure functions of it and of their data.

import type { Deployment } from "./api/types";
import type { Route } from "./route";
import type { Text } from "./text";

/** A list of hundreds is searched or sorted, not scrolled: so many rows at first, and as many more each time. */
export const ROWS_SHOWN = 100;

export interface TableState {
  sort: string;
  descending: boolean;
  search: string;
  /** How many rows are drawn; more on request. */
  limit: number;
}

export interface Context extends Text {
  deployment: Deployment;
  route: Route;
  /** A screen too narrow for tables. Paper never is. */
  narrow: boolean;
  /** Width of one chart, px. */
  chartWidth: number;
  table(id: string, initial: TableState): TableState;
  setTable(id: string, state: TableState): void;
  go(route: Route): void;
  /** For the click on a link to a file. */
  download(event: Event): void;
  /** The root element of a chart, to be measured. */
  watchWidth(element: Element): void;
}

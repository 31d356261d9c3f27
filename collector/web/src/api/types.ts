// What the collector's read-only API answers (docs/api.md). Rates and shares are 0 to 1; days and periods are those of
// the deployment's time zone.

export interface Target {
  from: string;
  value: number;
}

export interface Indicator {
  id: string;
  name: Record<string, string>;
  source: string;
  period: string;
  centre_types: string[];
  targets: Target[];
  rule_hash: string;
}

export interface AreaName {
  code: string;
  name: string;
}

export interface Deployment {
  indicators: Indicator[];
  root: AreaName;
  periods: string[];
  time_zone: string;
  now: string;
}

export interface Adoption {
  indicator: string;
  area: string;
  area_name: string;
  level: string;
  parent: string | null;
  period: string;
  /** The period is not over yet: its figures still move. */
  open: boolean;
  registered: number;
  reporting: number;
  adopting: number;
  rate: number | null;
  lower: number | null;
  upper: number | null;
  target: number | null;
  gap: number | null;
}

export interface Centre {
  id: string;
  name: string;
  type: string;
  area: string;
  area_name: string;
  head_count: number;
  opened: string | null;
  closed: string | null;
  verdict?: { reporting: boolean; adopts: boolean } | null;
}

export interface CentrePage {
  centres: Centre[];
  next: string | null;
}

export interface Condition {
  /** Place in the rule: "all/2/any/0". */
  path: string;
  activity: string;
  metric: string;
  min: number | null;
  max: number | null;
  /** null: so few people that the collector does not say. */
  actual: number | null;
  /** Stands under an odd number of "not". */
  negated?: boolean;
  /** What the rule wants of it: being outside of its bounds, if it is negated. */
  met: boolean;
}

export interface Verdict {
  indicator: string;
  reporting: boolean;
  adopts: boolean;
  conditions: Condition[];
}

export interface Usage {
  period: string;
  activity: string;
  active_days: number;
  events: number;
  seconds: number;
  /** null: so few people that the collector does not say. */
  users: number | null;
  devices: number | null;
}

export interface CentreDetail extends Centre {
  period: string;
  verdicts: Verdict[];
  usage: Usage[];
  last_event: string | null;
}

export interface Status {
  version: string;
  uptime_s: number;
  connected: boolean;
  last_message: string | null;
  lag_s: number | null;
  revision: number;
}

// Why a centre counts or does not: each condition in words, with what was found and how much is missing.

import type { Condition, Verdict } from "../api/types";
import type { Context } from "../context";
import { h, type Child, type VNode } from "../dom";
import { isMet, ruleTree, shortfall, type RuleGroup, type RuleNode } from "../model/rule";
import { icon } from "./icons";
import { resultChip } from "./centres-list";

export function verdictCard(context: Context, verdict: Verdict, heads: number): VNode {
  const { t, name, deployment } = context;
  const indicator = deployment.indicators.find((candidate) => candidate.id === verdict.indicator);
  const tree = ruleTree(verdict.conditions);
  return h(
    "article",
    { class: "verdict", key: verdict.indicator, "data-indicator": verdict.indicator },
    h("h3", { class: "card-name" }, indicator ? name(indicator.name) : verdict.indicator),
    h("p", { class: "verdict-chip" }, resultChip(context, verdict)),
    h("p", { class: "verdict-words" }, sentence(context, verdict, tree)),
    h("div", { class: "rule" }, group(context, tree, heads)),
    indicator && h("p", { class: "source" }, `${t.source}: ${indicator.source}`),
  );
}

function sentence({ f, t }: Context, verdict: Verdict, tree: RuleNode): string {
  if (!verdict.reporting) return t.verdictSilent;
  if (verdict.adopts) return t.verdictAdopts;
  const unmet = tree.kind === "all" ? tree.children.filter((child) => !isMet(child)).length : 1;
  return t.verdictMissing(f.integer(unmet), unmet);
}

function group(context: Context, node: RuleNode, heads: number, negated = false): Child {
  if (node.kind === "condition")
    return h("ul", { class: "conditions" }, h("li", {}, line(context, node.condition, heads)));
  return [h("p", { class: "rule-word" }, context.t[node.kind]), items(context, node, heads, negated)];
}

function items(context: Context, node: RuleGroup, heads: number, outer: boolean): VNode {
  const negated = node.kind === "not" ? !outer : outer;
  return h(
    "ul",
    { class: `conditions conditions-${node.kind}` },
    node.children.map((child, index) =>
      child.kind === "condition"
        ? h("li", { key: index }, line(context, child.condition, heads))
        : h(
            "li",
            { key: index, class: "nested" },
            mark(context, child.met !== negated),
            h("div", {}, group(context, child, heads, negated)),
          ),
    ),
  );
}

function mark({ t }: Context, met: boolean): VNode {
  return h(
    "span",
    { class: `mark ${met ? "mark-met" : "mark-missed"}` },
    icon(met ? "check" : "cross"),
    h("span", { class: "visually-hidden" }, `${met ? t.met : t.notMet}: `),
  );
}

function line(context: Context, condition: Condition, heads: number): Child {
  const { t } = context;
  const good = condition.met;
  const negated = condition.negated ?? false;
  const activity = t.activityName[condition.activity] ?? condition.activity;
  const metric = t.metricName[condition.metric] ?? condition.metric;
  const missing = negated ? "" : distance(context, condition, heads);
  return [
    mark(context, good),
    h(
      "div",
      { class: "condition" },
      h("p", { class: "condition-name" }, h("strong", {}, activity), `: ${metric}`),
      h(
        "p",
        { class: "condition-value" },
        h("strong", {}, amount(context, condition.metric, condition.actual)),
        h("span", { class: "muted" }, ` / ${wanted(context, condition)}`),
        missing !== "" && h("span", { class: "missing" }, missing),
      ),
      progress(condition, good, negated),
    ),
  ];
}

function amount({ f, t }: Context, metric: string, value: number | null): string {
  if (value === null) return t.fewPeople;
  if (metric === "users_share") return f.percent(value);
  if (metric === "seconds") return f.duration(value);
  return t.amount(metric, f.integer(value), value);
}

function wanted(context: Context, { metric, min, max }: Condition): string {
  const { t } = context;
  const say = (value: number): string =>
    metric === "users_share" ? context.f.wholePercent(value) : amount(context, metric, value);
  if (min !== null && max !== null) return t.needBetween(say(min), say(max));
  if (min !== null) return t.needMin(say(min));
  return max === null ? "" : t.needMax(say(max));
}

/** "thiếu 2 ngày"; a share of heads also says how many people that is. */
function distance(context: Context, condition: Condition, heads: number): string {
  const { f, t } = context;
  const short = shortfall(condition);
  if (short === 0) return "";
  const words = condition.min !== null && (condition.actual ?? 0) < condition.min ? t.missing : t.over;
  if (condition.metric !== "users_share") return words(amount(context, condition.metric, short));
  const people = Math.ceil(short * heads - 1e-6);
  return words(people > 0 ? t.aboutPeople(f.points(short), f.integer(people), people) : t.sharePoints(f.points(short)));
}

function progress({ actual, min }: Condition, good: boolean, negated: boolean): Child {
  if (actual === null || min === null || min <= 0 || negated) return null;
  const share = Math.max(0, Math.min(1, actual / min));
  return h(
    "div",
    {
      class: `progress ${good ? "progress-met" : "progress-missed"}`,
      style: { "--rate": `${(share * 100).toFixed(1)}%` },
      "aria-hidden": "true",
    },
    h("div", null),
  );
}

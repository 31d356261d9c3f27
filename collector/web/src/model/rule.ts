// The conditions of a verdict come flat, each with its place in the rule ("all/3/any/0"); people read a tree. Pure.

import type { Condition } from "../api/types";

/** `met` of a condition is as the collector says it; of a group, whether the group holds as it is written. */
export type RuleNode = { kind: "condition"; condition: Condition } | RuleGroup;

export interface RuleGroup {
  kind: "all" | "any" | "not";
  met: boolean;
  children: RuleNode[];
}

interface Branch {
  kind: RuleGroup["kind"];
  children: Map<string, Branch | Condition[]>;
}

function isBranch(node: Branch | Condition[] | undefined): node is Branch {
  return node !== undefined && !Array.isArray(node);
}

/**
 * "all/3/any/0" is two steps: (all, 3), (any, 0); "not" has no number. Conditions that share a place are one comparison
 * with several metrics and need each other, so they join as "all".
 */
export function ruleTree(conditions: readonly Condition[]): RuleNode {
  const root: Branch = { kind: "all", children: new Map() };
  for (const condition of conditions) {
    let branch = root;
    const steps = stepsOf(condition.path);
    for (const [kind, place] of steps.slice(0, -1)) branch = descend(branch, kind, place);
    const last = steps[steps.length - 1];
    const [kind, place] = last ?? ["all", condition.path];
    const owner = last ? groupOf(branch, kind) : branch;
    const leaf = owner.children.get(place);
    if (Array.isArray(leaf)) leaf.push(condition);
    else owner.children.set(place, [condition]);
  }
  return unwrap(finish(root));
}

type Step = [kind: RuleGroup["kind"], place: string];

function stepsOf(path: string): Step[] {
  const words = path.split("/").filter((word) => word !== "");
  const steps: Step[] = [];
  for (let i = 0; i < words.length; i++) {
    const kind = words[i];
    if (kind !== "all" && kind !== "any" && kind !== "not") continue;
    const place = words[i + 1];
    if (place !== undefined && /^\d+$/.test(place)) {
      steps.push([kind, place]);
      i++;
    } else steps.push([kind, "0"]);
  }
  return steps;
}

/** The group of that kind directly in a branch: the root itself if it fits, else a group inside. */
function groupOf(branch: Branch, kind: RuleGroup["kind"]): Branch {
  const found = branch.children.get(kind);
  if (isBranch(found)) return found;
  const group: Branch = { kind, children: new Map() };
  branch.children.set(kind, group);
  return group;
}

function descend(branch: Branch, kind: RuleGroup["kind"], place: string): Branch {
  const group = groupOf(branch, kind);
  const found = group.children.get(place);
  if (isBranch(found)) return found;
  const inner: Branch = { kind: "all", children: new Map() };
  group.children.set(place, inner);
  return inner;
}

function finish(branch: Branch): RuleGroup {
  const children: RuleNode[] = [];
  for (const child of branch.children.values()) {
    if (isBranch(child)) children.push(unwrap(finish(child)));
    else if (branch.kind === "all") children.push(...child.map(leafNode));
    else children.push(unwrap({ kind: "all", met: child.every(holds), children: child.map(leafNode) }));
  }
  const met = children.map(isMet);
  const result = branch.kind === "any" ? met.some(Boolean) : met.every(Boolean);
  return { kind: branch.kind, met: branch.kind === "not" ? !result : result, children };
}

function leafNode(condition: Condition): RuleNode {
  return { kind: "condition", condition };
}

/** Whether the comparison holds, whatever the rule wants of it. */
function holds(condition: Condition): boolean {
  return condition.met !== (condition.negated ?? false);
}

export function isMet(node: RuleNode): boolean {
  return node.kind === "condition" ? holds(node.condition) : node.met;
}

/** An "all" or "any" of one is that one. */
function unwrap(group: RuleGroup): RuleNode {
  const only = group.children[0];
  return group.kind !== "not" && group.children.length === 1 && only ? flattenAll(only) : flattenAll(group);
}

/** "all" directly inside "all" says nothing more. */
function flattenAll(node: RuleNode): RuleNode {
  if (node.kind !== "all") return node;
  const children = node.children.flatMap((child) => (child.kind === "all" ? child.children : [child]));
  return { kind: "all", met: node.met, children };
}

/** How far a condition is from being met, in its own unit; 0 if it is met or not known. */
export function shortfall(condition: Condition): number {
  const { actual, min, max } = condition;
  if (actual === null) return 0;
  if (min !== null && actual < min) return min - actual;
  if (max !== null && actual > max) return actual - max;
  return 0;
}

// The page's pure parts, as tables.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const SOURCE = fileURLToPath(new URL("../../collector/web/src/", import.meta.url));
let folder;
let unit;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "edutally-unit-"));
  const rooms = ["text/index", "text/format", "model/standing", "model/rule", "model/periods", "model/order", "route"];
  const contents = rooms.map((room) => `export * from "./${room}";`).join("\n");
  const outfile = join(folder, "unit.mjs");
  await build({
    stdin: { contents, resolveDir: SOURCE, loader: "ts" },
    bundle: true,
    format: "esm",
    outfile,
    logLevel: "warning",
  });
  unit = await import(pathToFileURL(outfile).href);
});

after(() => rm(folder, { recursive: true, force: true }));

const plain = (text) => text.replace(/\u00a0/g, " ");

test("numbers_take_the_local_form", () => {
  const vi = unit.createFormat("vi", "Asia/Ho_Chi_Minh");
  const en = unit.createFormat("en", "Asia/Ho_Chi_Minh");
  for (const [got, wanted] of [
    [vi.percent(0.632), "63,2 %"],
    [en.percent(0.632), "63.2%"],
    [vi.percent(0), "0,0 %"],
    [vi.percent(1), "100,0 %"],
    [vi.wholePercent(0.6), "60 %"],
    [vi.wholePercent(0.666), "66,6 %"],
    [vi.integer(12345), "12.345"],
    [en.integer(12345), "12,345"],
    [vi.signedPoints(-0.124), "−12,4"],
    [vi.signedPoints(0.0219), "+2,2"],
    [vi.signedPoints(0), "0,0"],
    [vi.points(-0.0002), "< 0,1"],
    [vi.period("2026-10"), "tháng 10/2026"],
    [en.period("2026-10"), "October 2026"],
    [vi.periodTitle("2026-03"), "Tháng 3/2026"],
    [vi.period("2026-Q3"), "quý 3/2026"],
    [vi.day("1990-09-05"), "05/09/1990"],
    [vi.day("2026-10-28T20:30:00Z"), "29/10/2026"],
    [vi.clock(new Date("2026-11-23T13:05:09Z")), "20:05:09"],
    [vi.duration(0), "0 giây"],
    [vi.duration(2700), "45 phút"],
    [vi.duration(5400), "1 giờ 30 phút"],
    [en.duration(3600), "1 h"],
  ])
    assert.equal(plain(got), wanted);
});

test("a_rounded_rate_never_crosses_its_target", () => {
  const vi = unit.createFormat("vi", "UTC");
  assert.equal(plain(vi.percent(0.5996, 0.6)), "59,9 %");
  assert.equal(plain(vi.percent(0.5996)), "60,0 %");
  assert.equal(plain(vi.percent(0.6, 0.6)), "60,0 %");
  assert.equal(plain(vi.percent(0.6004, 0.6)), "60,0 %");
  assert.equal(plain(vi.percent(0.58, 0.6)), "58,0 %");
});

test("a_target_is_met_missed_or_open_while_reports_are_missing", () => {
  const row = (registered, reporting, adopting, target) => ({
    registered,
    reporting,
    adopting,
    target,
    rate: registered ? Math.round((adopting / registered) * 1e6) / 1e6 : null,
    upper: registered ? Math.round(((adopting + registered - reporting) / registered) * 1e6) / 1e6 : null,
  });
  for (const [figures, standing, missing] of [
    [row(402, 310, 250, 0.6), "met", 0],
    [row(5, 5, 3, 0.6), "met", 0],
    [row(3, 3, 2, 2 / 3), "met", 0],
    [row(402, 310, 200, 0.6), "unsure", 42],
    [row(402, 402, 200, 0.6), "missed", 42],
    [row(141, 141, 112, 0.8), "missed", 1],
    [row(10, 10, 5, null), "no-target", 0],
    [row(0, 0, 0, 0.6), "no-centres", 0],
  ]) {
    assert.equal(unit.standingOf(figures), standing);
    assert.equal(unit.centresMissing(figures), missing);
  }
  assert.deepEqual(unit.parts(row(402, 310, 250, 0.6)), { adopting: 250, reportingOnly: 60, silent: 92 });
});

const condition = (path, met, more = {}) => ({
  path,
  activity: "learning",
  metric: "users",
  min: 10,
  max: null,
  actual: met ? 10 : 4,
  met,
  ...more,
});
const shape = (node) =>
  node.kind === "condition"
    ? node.condition.met
      ? "1"
      : "0"
    : `${node.kind}${node.met ? "+" : "-"}(${node.children.map(shape).join(" ")})`;

test("flat_conditions_become_the_rule_s_tree", () => {
  for (const [conditions, wanted] of [
    [[condition("all/0", true), condition("all/1", false)], "all-(1 0)"],
    [[condition("all/0", true), condition("all/1/any/0", false), condition("all/1/any/1", true)], "all+(1 any+(0 1))"],
    [[condition("any/0", false), condition("any/1", false)], "any-(0 0)"],
    // A negated condition is met where its comparison does not hold.
    [[condition("all/0", true), condition("all/1/not", false, { negated: true })], "all-(1 not-(0))"],
    [[condition("all/0", true), condition("all/1/not/0", true, { negated: true })], "all+(1 not+(1))"],
    [
      [condition("not/any/0", false, { negated: true }), condition("not/any/1", true, { negated: true })],
      "not-(any+(0 1))",
    ],
    // One comparison with two metrics: both are needed, also inside of "any".
    [
      [condition("all/0", true), condition("all/1", true), condition("all/1", false, { metric: "active_days" })],
      "all-(1 1 0)",
    ],
    [[condition("any/0", true), condition("any/0", false), condition("any/1", false)], "any-(all-(1 0) 0)"],
    [[condition("all/0/all/0", true), condition("all/0/all/1", true)], "all+(1 1)"],
    [[condition("", true)], "1"],
    [[], "all+()"],
  ])
    assert.equal(shape(unit.ruleTree(conditions)), wanted, JSON.stringify(conditions.map((each) => each.path)));
});

test("a_shortfall_is_the_distance_to_the_bound", () => {
  assert.equal(unit.shortfall(condition("all/0", false, { min: 8, actual: 6 })), 2);
  assert.equal(unit.shortfall(condition("all/0", false, { min: null, max: 3, actual: 5 })), 2);
  assert.equal(unit.shortfall(condition("all/0", true)), 0);
  assert.equal(unit.shortfall(condition("all/0", false, { actual: null })), 0);
});

test("the_default_period_is_the_last_one_that_is_over", () => {
  const now = "2026-11-23T20:00:00+07:00";
  assert.equal(unit.defaultPeriod(["2026-09", "2026-10", "2026-11"], now), "2026-10");
  assert.equal(unit.defaultPeriod(["2026-11"], now), "2026-11");
  assert.equal(unit.defaultPeriod(["2026-Q2", "2026-Q3"], now), "2026-Q3");
  assert.equal(unit.defaultPeriod([], now), null);
});

test("a_trend_shows_at_most_24_periods_and_always_the_chosen_one", () => {
  const periods = Array.from({ length: 30 }, (_, index) => `p${String(index).padStart(2, "0")}`);
  assert.deepEqual(unit.trendWindow(periods, "p29"), periods.slice(6));
  assert.deepEqual(unit.trendWindow(periods, "p02"), periods.slice(2, 26));
  assert.deepEqual(unit.trendWindow(periods.slice(0, 3), null), periods.slice(0, 3));
});

test("search_ignores_accents_and_case_and_prefers_the_phrase", () => {
  const rows = ["Phường Phú Xuân", "Phường Thủy Xuân", "Xã Đan Điền", "Trường Tiểu học Lê Lợi Kim Long"];
  for (const [search, found] of [
    ["phu xuan", [0]],
    ["PHÚ  xuân ", [0]],
    ["xuan", [0, 1]],
    ["dan dien", [2]],
    ["Thuỷ", [1]],
    ["tieu hoc kim long", [3]],
    ["vi da", []],
    ["", [0, 1, 2, 3]],
  ])
    assert.deepEqual(
      unit.searched(rows, (row) => row, search),
      found.map((index) => rows[index]),
      search,
    );
});

test("what_has_no_figure_sorts_last_in_both_directions", () => {
  const compare = (a, b) => a.localeCompare(b, "vi");
  const rows = [3, null, 1, 2];
  assert.deepEqual(
    unit.ordered(rows, (row) => row, false, compare),
    [1, 2, 3, null],
  );
  assert.deepEqual(
    unit.ordered(rows, (row) => row, true, compare),
    [3, 2, 1, null],
  );
});

test("an_address_is_read_as_it_was_written", () => {
  for (const route of [
    { view: "area", code: null, list: "areas", period: null },
    { view: "area", code: "19753", list: "centres", period: "2026-10" },
    { view: "centre", id: "th/1 ?", period: null },
  ])
    assert.deepEqual(unit.parseRoute(unit.routeHash(route)), route);
  assert.equal(unit.parseRoute("#/area/%zz").code, "%zz");
  assert.equal(unit.parseRoute("#/nowhere").code, null);
});

// A made-up province-year for the page: 40 communes, some 700 centres, twelve months. Deterministic by seed. Counts come
// from the centres' verdicts and those from their figures, so that every view agrees with every other.

const COMMUNES =
  `Phường Phú Xuân|Phường Kim Long|Phường Vỹ Dạ|Phường Thuận Hóa|Phường Hương An|Phường Thủy Xuân|Phường An Cựu|
Phường Phong Điền|Phường Phong Phú|Phường Phong Dinh|Phường Phong Thái|Xã Quảng Điền|Phường Phong Quảng|Xã Đan Điền|
Phường Thuận An|Phường Dương Nỗ|Xã Phú Hồ|Phường Mỹ Thượng|Xã Phú Vang|Xã Phú Vinh|Phường Phú Bài|Phường Thanh Thủy|
Phường Hương Thủy|Phường Hương Trà|Phường Hóa Châu|Phường Kim Trà|Xã Bình Điền|Xã A Lưới 2|Xã A Lưới 5|Xã A Lưới 1|
Xã A Lưới 3|Xã A Lưới 4|Xã Phú Lộc|Xã Vinh Lộc|Xã Hưng Lộc|Xã Chân Mây-Lăng Cô|Xã Lộc An|Xã Khe Tre|Xã Nam Đông|Xã Long Quảng`
    .split("|")
    .map((name) => name.trim());

const TYPES = [
  ["primary", "th", "Trường Tiểu học", 208],
  ["lower_secondary", "thcs", "Trường Trung học cơ sở", 116],
  ["upper_secondary", "thpt", "Trường Trung học phổ thông", 39],
  ["general_multi", "ptnc", "Trường phổ thông nhiều cấp", 21],
  ["continuing", "gdtx", "Trung tâm giáo dục thường xuyên – hướng nghiệp", 9],
  ["vocational", "gdnn", "Trung tâm giáo dục nghề nghiệp", 9],
  ["community_learning_centre", "ttcd", "Trung tâm học tập cộng đồng", 141],
  ["preschool", "mn", "Trường Mầm non", 152],
];

const PLACES = [
  "Nguyễn Trường Tộ",
  "Lê Lợi",
  "Trần Quốc Toản",
  "Vĩnh Ninh",
  "Phú Cát",
  "Hương Long",
  "Thủy Biều",
  "Phước Vĩnh",
  "Điền Hải",
  "Quảng Phú",
];

const INDICATORS = [
  {
    id: "institutions-digital",
    name: {
      vi: "Cơ sở giáo dục quản lý, dạy và học trên môi trường số",
      en: "Institutions that manage, teach and learn in the digital environment",
    },
    source: "Kế hoạch 182/KH-UBND ngày 02/5/2024 của UBND tỉnh Thừa Thiên Huế",
    period: "month",
    centre_types: [
      "primary",
      "lower_secondary",
      "upper_secondary",
      "general_multi",
      "continuing",
      "vocational",
      "special",
    ],
    targets: [{ from: "2024-05-02", value: 0.6 }],
    rule: {
      all: [
        { activity: "management", active_days: { min: 8 } },
        { activity: "teaching", active_days: { min: 8 } },
        { activity: "learning", active_days: { min: 8 } },
        {
          any: [
            { activity: "learning", users_share: { min: 0.3 } },
            { activity: "learning", users: { min: 200 } },
          ],
        },
      ],
    },
    rule_hash: "0c5e7f",
  },
  {
    id: "clc-digital",
    name: {
      vi: "Trung tâm học tập cộng đồng ứng dụng công nghệ thông tin trong quản lý và tổ chức hoạt động giáo dục",
      en: "Community learning centres that use information technology in management and educational activities",
    },
    source: "Kế hoạch 182/KH-UBND ngày 02/5/2024 của UBND tỉnh Thừa Thiên Huế",
    period: "month",
    centre_types: ["community_learning_centre"],
    targets: [{ from: "2024-05-02", value: 0.8 }],
    rule: {
      all: [
        { activity: "management", active_days: { min: 4 } },
        { activity: "community", active_days: { min: 2 }, users: { min: 10 } },
      ],
    },
    rule_hash: "9d21aa",
  },
];

export const ROOT = { code: "46", name: "Thành phố Huế" };
export const NOW = "2026-11-23T20:00:00+07:00";
const PERIODS = ["2025-12", ...Array.from({ length: 11 }, (_, month) => `2026-${String(month + 1).padStart(2, "0")}`)];
const OPEN = "2026-11";

function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function makeCentres(next) {
  const centres = [];
  for (const [type, prefix, title, count] of TYPES) {
    for (let number = 0; number < count; number++) {
      const at = type === "community_learning_centre" ? number % 40 : Math.floor(next() * 40);
      const place = COMMUNES[at].replace(/^(Phường|Xã) /, "");
      const name =
        type === "community_learning_centre"
          ? `${title} ${place} ${1 + Math.floor(number / 40)}`
          : `${title} ${PLACES[number % 10]} ${place}`;
      centres.push({
        id: `${prefix}-${String(number + 1).padStart(3, "0")}`,
        name,
        type,
        area: areaCode(at),
        area_name: COMMUNES[at],
        head_count: 90 + Math.floor(next() * 900),
        opened: "1990-09-05",
        closed: null,
        eagerness: next() * 0.62 + (0.38 * ((at * 7) % 40)) / 40 + (type === "community_learning_centre" ? 0.05 : 0),
      });
    }
  }
  // The longest name that a registry is likely to have.
  centres[0].name = "Trường Tiểu học và Trung học cơ sở dân tộc bán trú Nguyễn Trường Tộ – Hương Thủy (cơ sở 2)";
  return centres;
}

function areaCode(at) {
  return String(19753 + at * 3);
}

/** What a centre did in a month; null when it stayed silent. */
function figuresOf(centre, month, next) {
  const growth = month / 14 + (month === 8 || month === 7 ? -0.12 : 0);
  const level = 0.66 - centre.eagerness + growth;
  if (centre.eagerness > 0.58 + month / 60 || next() < 0.05) return null;
  const share = month === PERIODS.length - 1 ? 0.72 : 1;
  const days = () => Math.max(0, Math.min(22, Math.round(share * (level * 16 + (next() - 0.4) * 9))));
  const users = Math.round(centre.head_count * Math.max(0.01, Math.min(0.95, level * 0.42 + (next() - 0.5) * 0.3)));
  const activity = (activeDays, people, factor) => ({
    active_days: activeDays,
    events: activeDays * (3 + Math.floor(next() * factor)),
    seconds: factor > 20 ? activeDays * 2700 : 0,
    users: activeDays === 0 ? 0 : people,
    devices: activeDays === 0 ? 0 : 1 + Math.floor(people / 40),
  });
  return {
    management: activity(days(), 3 + Math.floor(next() * 12), 12),
    teaching: activity(days(), 5 + Math.floor(next() * 20), 30),
    learning: activity(days(), users, 90),
    community: activity(Math.max(0, Math.round(level * 3.4 + (next() - 0.35) * 4)), Math.round(level * 24), 24),
  };
}

function conditionsOf(rule, path, figures, centre, out) {
  for (const kind of ["all", "any"]) {
    if (!rule[kind]) continue;
    const results = rule[kind].map((part, index) =>
      conditionsOf(part, path === "" ? `${kind}/${index}` : `${path}/${kind}/${index}`, figures, centre, out),
    );
    return kind === "all" ? results.every(Boolean) : results.some(Boolean);
  }
  const found = figures?.[rule.activity];
  let good = true;
  for (const metric of ["active_days", "events", "seconds", "users", "devices", "users_share"]) {
    const bounds = rule[metric];
    if (!bounds) continue;
    const actual = metric === "users_share" ? (found?.users ?? 0) / centre.head_count : (found?.[metric] ?? 0);
    const met = actual >= (bounds.min ?? -Infinity) && actual <= (bounds.max ?? Infinity);
    out.push({ path, activity: rule.activity, metric, min: bounds.min ?? null, max: bounds.max ?? null, actual, met });
    good &&= met;
  }
  return good;
}

export class World {
  constructor(seed = 46) {
    const next = random(seed);
    this.centres = makeCentres(next);
    this.figures = new Map();
    for (const centre of this.centres)
      PERIODS.forEach((period, month) => this.figures.set(`${centre.id} ${period}`, figuresOf(centre, month, next)));
    this.revision = 123;
    this.empty = false;
  }

  /** One centre more adopts in the period: what a reader of the page should see move. */
  improve(period) {
    const centre = this.centres.find(
      (each) => each.type === "primary" && !this.verdict(INDICATORS[0], each, period).adopts,
    );
    const busy = { active_days: 20, events: 400, seconds: 54000, users: centre.head_count, devices: 9 };
    this.figures.set(`${centre.id} ${period}`, { management: busy, teaching: busy, learning: busy, community: busy });
    this.revision++;
    return centre;
  }

  verdict(indicator, centre, period) {
    const figures = this.figures.get(`${centre.id} ${period}`);
    const conditions = [];
    const good = conditionsOf(indicator.rule, "", figures, centre, conditions);
    return { indicator: indicator.id, reporting: figures !== null, adopts: figures !== null && good, conditions };
  }

  indicators() {
    return {
      indicators: INDICATORS,
      root: ROOT,
      periods: this.empty ? [] : PERIODS,
      time_zone: "Asia/Ho_Chi_Minh",
      now: NOW,
    };
  }

  adoption({ indicator, area, parent, from = "0000", to = "9999" }) {
    const areas = COMMUNES.map((name, at) => ({ code: areaCode(at), name, level: "commune", parent: ROOT.code }));
    const all = [{ ...ROOT, level: "city", parent: null }, ...areas];
    const wanted = all.filter((each) =>
      parent === undefined ? each.code === (area ?? ROOT.code) : each.parent === parent,
    );
    const rows = [];
    for (const each of wanted) {
      for (const which of INDICATORS.filter((one) => indicator === undefined || one.id === indicator)) {
        for (const period of PERIODS.filter((one) => one >= from && one <= to && !this.empty))
          rows.push(this.row(which, each, period));
      }
    }
    return { rows };
  }

  row(indicator, area, period) {
    const centres = this.within(area.code).filter((centre) => indicator.centre_types.includes(centre.type));
    const verdicts = centres.map((centre) => this.verdict(indicator, centre, period));
    const registered = verdicts.length;
    const reporting = verdicts.filter((verdict) => verdict.reporting).length;
    const adopting = verdicts.filter((verdict) => verdict.adopts).length;
    const share = (count) => (registered === 0 ? null : Math.round((count / registered) * 1e6) / 1e6);
    const target = indicator.targets[0].value;
    const rate = share(adopting);
    return {
      indicator: indicator.id,
      area: area.code,
      area_name: area.name,
      level: area.level,
      parent: area.parent,
      period,
      open: period === OPEN,
      registered,
      reporting,
      adopting,
      rate,
      lower: rate,
      upper: share(adopting + registered - reporting),
      target,
      gap: rate === null ? null : Math.round((rate - target) * 1e6) / 1e6,
    };
  }

  within(area) {
    return this.centres.filter((centre) => area === undefined || area === ROOT.code || centre.area === area);
  }

  centrePage({ area, type, indicator, period, limit = "200", after = "0" }) {
    const which = INDICATORS.find((one) => one.id === indicator);
    const found = this.within(area).filter(
      (centre) => (type === undefined || centre.type === type) && (!which || which.centre_types.includes(centre.type)),
    );
    const start = Number(after);
    const end = start + Number(limit);
    const centres = found.slice(start, end).map((centre) => {
      const { reporting, adopts } = which ? this.verdict(which, centre, period) : {};
      return { ...plain(centre), ...(which ? { verdict: { reporting, adopts } } : {}) };
    });
    return { centres, next: end < found.length ? String(end) : null };
  }

  centre(id, period = OPEN) {
    const centre = this.centres.find((each) => each.id === id);
    if (!centre) return null;
    const figures = this.figures.get(`${id} ${period}`);
    return {
      ...plain(centre),
      period,
      verdicts: INDICATORS.filter((one) => one.centre_types.includes(centre.type)).map((one) =>
        this.verdict(one, centre, period),
      ),
      usage: PERIODS.filter((each) => each <= period).flatMap((each) => this.usage(id, each)),
      last_event: figures ? "2026-11-20T15:12:00+07:00" : null,
    };
  }

  usage(id, period) {
    const figures = this.figures.get(`${id} ${period}`) ?? {};
    return Object.entries(figures)
      .filter(([, figure]) => figure.events > 0)
      .map(([activity, figure]) => ({ period, activity, ...figure }));
  }

  status() {
    return {
      version: "0.1.0",
      uptime_s: 86400,
      connected: true,
      last_message: NOW,
      lag_s: 0.2,
      revision: this.revision,
    };
  }
}

function plain({ eagerness, ...centre }) {
  return centre;
}

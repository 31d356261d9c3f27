// The page in a real browser, against the mock; against a running collector with BASE_URL=http://127.0.0.1:8080/ (then
// without what only the mock can do). SCREENSHOTS=FOLDER keeps pictures.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { DESK, overflow, PHONE, seriousFaults, shot, startBrowser } from "./browser.mjs";
import { readPage, startMock } from "./mock.mjs";

const REAL = process.env.BASE_URL;
const mocked = { skip: REAL === undefined ? false : "needs the mock" };
const WAIT = { timeout: 15_000 };
/** All that a first view loads, compressed. The contract allows 200 KiB. */
const BUDGET_BYTES = 40 * 1024;

let mock = null;
let browser;
let base;

before(async () => {
  if (REAL === undefined) mock = await startMock();
  base = mock?.url ?? REAL.replace(/\/?$/, "/");
  browser = await startBrowser();
});

after(async () => {
  await browser?.stop();
  await mock?.stop();
});

/** A page on the address, its view drawn; no fault may have come up by the end. */
async function visit(hash, options, act) {
  const page = await browser.open(base + hash, options);
  try {
    await page.waitForSelector("main h1", WAIT);
    await act(page);
    assert.deepEqual(page.faults, []);
  } finally {
    await page.done();
  }
}

/** Codes that exist, from the API itself. */
async function places() {
  const ask = async (path) => (await fetch(`${base}api/v1/${path}`)).json();
  const { root, periods } = await ask("indicators");
  const period = periods[Math.max(0, periods.length - 2)];
  const { rows } = await ask(`adoption?parent=${root.code}&from=${period}&to=${period}`);
  const area = rows.find((row) => row.registered > 0)?.area;
  const { centres } = await ask(`centres?area=${area}`);
  return { period, area, centre: centres[0]?.id };
}

const text = async (page, selector) => (await page.locator(selector).first().innerText()).replace(/\u00a0/g, " ");

for (const [size, viewport] of [
  ["desk", DESK],
  ["phone", PHONE],
]) {
  for (const language of ["vi", "en"]) {
    for (const theme of ["light", "dark"]) {
      test(`every_view_fits_and_is_accessible_${size}_${language}_${theme}`, async () => {
        const { period, area, centre } = await places();
        const views = {
          overview: "",
          area: `#/area/${area}?period=${period}`,
          centres: `#/?list=centres&period=${period}`,
          centre: `#/centre/${centre}?period=${period}`,
        };
        for (const [name, hash] of Object.entries(views)) {
          await visit(hash, { viewport, theme, language }, async (page) => {
            await page.waitForSelector(".view", WAIT);
            assert.equal(await page.getAttribute("html", "lang"), language);
            assert.deepEqual(await overflow(page), [], name);
            assert.deepEqual(await seriousFaults(page), [], name);
            await shot(page, `${name}-${size}-${language}-${theme}`);
          });
        }
      });
    }
  }
}

test("the_language_is_switched_and_remembered", async () => {
  await visit("", {}, async (page) => {
    assert.match(await text(page, "h1"), /Tỷ lệ cơ sở/);
    await page.getByRole("button", { name: /English/ }).click();
    assert.match(await text(page, "h1"), /Share of centres/);
    assert.equal(await page.getAttribute("html", "lang"), "en");
    await page.reload();
    await page.waitForSelector(".view", WAIT);
    assert.match(await text(page, "h1"), /Share of centres/);
  });
});

test("the_cards_say_rate_target_gap_and_what_is_not_known", mocked, async () => {
  await visit("", {}, async (page) => {
    const row = mock.world.adoption({ indicator: "clc-digital", from: "2026-10", to: "2026-10" }).rows[0];
    const card = await text(page, '[data-indicator="clc-digital"]');
    const percent = (share) => `${(share * 100).toFixed(1).replace(".", ",")} %`;
    assert.ok(card.includes(percent(row.rate)), card);
    assert.ok(card.includes("Chỉ tiêu 80 %"), card);
    assert.ok(
      card.includes(
        `khoảng ${percent(row.lower)} đến ${percent(row.upper)}, vì ${row.registered - row.reporting} cơ sở`,
      ),
      card,
    );
    assert.match(card, /còn thiếu \d+,\d điểm % – \d+ cơ sở nữa/);
    assert.match(card, /Chưa đạt, còn thiếu báo cáo/);
    assert.match(await text(page, '[data-indicator="institutions-digital"]'), /Đạt chỉ tiêu/);
    assert.equal(await text(page, ".lead"), "Tháng 10/2026. Đạt 1 trên 2 chỉ tiêu.");
  });
});

test("a_reader_drills_down_from_the_province_to_a_centre_and_back", async () => {
  await visit("", {}, async (page) => {
    const area = page.locator(".main-table tbody th a").first();
    const name = await area.innerText();
    await area.click();
    await page.waitForFunction((wanted) => document.querySelector("h1")?.textContent === wanted, name, WAIT);
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");
    const centre = page.locator(".main-table tbody th a").first();
    const centreName = await centre.innerText();
    await centre.click();
    await page.waitForFunction((wanted) => document.querySelector("h1")?.textContent === wanted, centreName, WAIT);
    await page.locator(".breadcrumb a").nth(1).click();
    await page.waitForFunction((wanted) => document.querySelector("h1")?.textContent === wanted, name, WAIT);
    await page.goBack();
    await page.waitForFunction((wanted) => document.querySelector("h1")?.textContent === wanted, centreName, WAIT);
  });
});

test("a_table_is_sorted_by_its_heads_with_the_keyboard", async () => {
  await visit("", {}, async (page) => {
    const head = page.locator(".main-table thead .col-name button");
    const names = () => page.locator(".main-table tbody th").allInnerTexts();
    await head.focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.getAttribute(".main-table thead .col-name", "aria-sort"), "ascending");
    const collator = new Intl.Collator("vi-VN", { numeric: true });
    const up = await names();
    assert.deepEqual(up, [...up].sort(collator.compare));
    await page.keyboard.press("Enter");
    assert.equal(await page.getAttribute(".main-table thead .col-name", "aria-sort"), "descending");
    assert.deepEqual(await names(), up.reverse());
    assert.equal(await page.evaluate(() => document.activeElement?.textContent.startsWith("Khu vực")), true);
  });
});

test("a_list_is_searched_without_accents", mocked, async () => {
  await visit("", {}, async (page) => {
    await page.getByLabel("Tìm khu vực").fill("phu xuan");
    assert.deepEqual(await page.locator(".main-table tbody th").allInnerTexts(), ["Phường Phú Xuân"]);
    assert.equal(await text(page, ".count-shown"), "1 / 40");
    await page.getByLabel("Tìm khu vực").fill("không có");
    assert.equal(await text(page, ".none"), "Không có tên nào khớp.");
  });
});

test("a_phone_sorts_and_shows_rows_as_cards", mocked, async () => {
  await visit("", { viewport: PHONE }, async (page) => {
    assert.equal(await page.locator(".main-table").count(), 0);
    await page.getByLabel("Sắp xếp").selectOption("name down");
    const names = await page.locator(".row-name").allInnerTexts();
    assert.equal(names.length, 40);
    assert.equal(names[0], "Xã Vinh Lộc");
  });
});

test("a_long_list_shows_its_first_rows_and_more_on_request", mocked, async () => {
  await visit("#/?list=centres", {}, async (page) => {
    await page.waitForSelector(".more", WAIT);
    assert.equal(await page.locator(".main-table tbody tr").count(), 100);
    await page.locator(".more").click();
    assert.equal(await page.locator(".main-table tbody tr").count(), 200);
  });
});

test("a_centre_says_which_condition_fails_and_by_how_much", mocked, async () => {
  const period = "2026-10";
  const institutions = mock.world.indicators().indicators[0];
  const failing = mock.world.centres.find((centre) => {
    if (centre.type !== "primary") return false;
    const verdict = mock.world.verdict(institutions, centre, period);
    return verdict.reporting && !verdict.conditions[0].met && !verdict.conditions[3].met;
  });
  const [management, , , share] = mock.world.verdict(institutions, failing, period).conditions;
  await visit(`#/centre/${failing.id}?period=${period}`, {}, async (page) => {
    const words = await text(page, ".verdict");
    assert.match(words, /Báo cáo, chưa áp dụng/);
    assert.ok(words.includes(`còn thiếu ${8 - management.actual} ngày`), words);
    const points = ((0.3 - share.actual) * 100).toFixed(1).replace(".", ",");
    const people = Math.ceil((0.3 - share.actual) * failing.head_count - 1e-6);
    assert.ok(words.includes(`còn thiếu ${points} điểm % (khoảng ${people} người)`), words);
    assert.match(words, /Ít nhất một trong các điều kiện sau:/);
    await page.getByRole("button", { name: /English/ }).click();
    const english = await text(page, ".verdict");
    assert.match(english, new RegExp(`short by ${8 - management.actual} days?`));
    assert.ok(english.includes("At least one of these:"), english);
  });
});

test("a_silent_centre_is_called_silent", mocked, async () => {
  const silent = mock.world.centres.find(
    (centre) => centre.type === "primary" && mock.world.figures.get(`${centre.id} 2026-10`) === null,
  );
  await visit(`#/centre/${silent.id}?period=2026-10`, {}, async (page) => {
    const words = await text(page, "main");
    assert.match(words, /Trong kỳ này không nhận được sự kiện nào từ cơ sở/);
    assert.match(words, /Kỳ này chưa ghi nhận hoạt động nào/);
  });
});

test("a_centre_s_earlier_use_is_a_disclosure_away", mocked, async () => {
  const { world } = mock;
  const used = (centre, period) => world.usage(centre.id, period).length;
  const { id } = world.centres.find((centre) => used(centre, "2026-10") > 0 && used(centre, "2026-09") > 0);
  await visit(`#/centre/${id}?period=2026-10`, {}, async (page) => {
    assert.equal(await page.locator(".centre section > .scroll tbody tr").count(), used({ id }, "2026-10"));
    await page.getByText("Các kỳ trước").first().click();
    const earlier = world.centre(id, "2026-09").usage.length;
    assert.equal(await page.locator(".centre .disclosure tbody tr").count(), earlier);
    assert.deepEqual(await seriousFaults(page), []);
  });
});

test("few_people_are_not_counted_in_view", mocked, async () => {
  const centre = mock.world.centre.bind(mock.world);
  mock.world.centre = (id, period) => {
    const detail = centre(id, period);
    for (const verdict of detail.verdicts)
      for (const each of verdict.conditions) if (each.metric.startsWith("users")) each.actual = null;
    for (const use of detail.usage) use.users = null;
    return detail;
  };
  try {
    await visit("#/centre/th-011?period=2026-10", {}, async (page) => {
      assert.match(await text(page, ".verdict"), /ít người \(không nêu số\)/);
    });
  } finally {
    mock.world.centre = centre;
  }
});

test("the_period_is_chosen_and_kept_in_the_address", mocked, async () => {
  await visit("", {}, async (page) => {
    await page.selectOption("#period", "2026-11");
    await page.waitForFunction(() => document.querySelector(".lead")?.textContent.includes("11/2026"), null, WAIT);
    assert.match(page.url(), /period=2026-11/);
    assert.match(await text(page, ".provisional"), /tạm tính/);
    await page.locator(".main-table tbody th a").first().click();
    await page.waitForSelector(".breadcrumb", WAIT);
    assert.match(page.url(), /period=2026-11/);
  });
});

test("the_trend_s_figures_are_there_as_a_table", mocked, async () => {
  await visit("", {}, async (page) => {
    await page.getByText("Số liệu của biểu đồ").click();
    assert.equal(await page.locator(".disclosure table").count(), 2);
    assert.equal(await page.locator(".disclosure table").first().locator("tbody tr").count(), 12);
    assert.deepEqual(await seriousFaults(page), []);
    const cut = await page.evaluate(
      () => [...document.querySelectorAll(".scroll")].filter((box) => box.scrollWidth > box.clientWidth + 1).length,
    );
    assert.equal(cut, 0, "a table is cut off on a desk");
    await shot(page, "trend-table-desk-vi-light");
  });
});

test("figures_move_by_themselves_and_are_announced_without_losing_focus", mocked, async () => {
  await visit("", {}, async (page) => {
    const search = page.getByLabel("Tìm khu vực");
    await search.fill("phu");
    const before = mock.world.adoption({ indicator: "institutions-digital", from: "2026-10", to: "2026-10" }).rows[0]
      .adopting;
    for (let i = 0; i < 9; i++) mock.world.improve("2026-10");
    await page.waitForFunction(
      (wanted) =>
        document.querySelector('[data-indicator="institutions-digital"] .sub')?.textContent.startsWith(wanted),
      `${before + 9} trên`,
      WAIT,
    );
    assert.match(await page.locator('[aria-live="polite"]').innerText(), /Cơ sở giáo dục quản lý.*: \d+,\d/);
    assert.equal(await search.inputValue(), "phu");
    assert.equal(await search.evaluate((field) => document.activeElement === field), true);
  });
});

test("an_unchanged_collector_is_asked_for_its_state_only", mocked, async () => {
  await visit("", {}, async (page) => {
    const statusAsked = () => mock.requests.filter((path) => path === "status").length;
    const asked = statusAsked();
    await page.waitForFunction(() => document.querySelector(".fresh-live") !== null, null, WAIT);
    while (statusAsked() < asked + 2) await page.waitForRequest(/status/, WAIT);
    mock.requests.length = 0;
    await page.waitForRequest(/status/, WAIT);
    await page.waitForResponse(/status/, WAIT);
    assert.deepEqual([...new Set(mock.requests)], ["status"]);
  });
});

test("no_data_yet_says_how_data_gets_in", mocked, async () => {
  mock.world.empty = true;
  try {
    for (const [size, viewport] of [
      ["desk", DESK],
      ["phone", PHONE],
    ]) {
      for (const language of ["vi", "en"]) {
        await visit("", { viewport, language }, async (page) => {
          assert.match(await text(page, "main"), /edutally ingest --config/);
          assert.deepEqual(await overflow(page), []);
          assert.deepEqual(await seriousFaults(page), []);
          await shot(page, `empty-${size}-${language}-light`);
        });
      }
    }
    await visit("", {}, async (page) => {
      mock.world.empty = false;
      mock.world.revision++;
      await page.waitForSelector(".cards", WAIT);
    });
  } finally {
    mock.world.empty = false;
  }
});

test("a_failing_collector_is_named_and_retried", mocked, async () => {
  mock.fail = { title: "Store is busy", status: 503, detail: "the database is locked by another process" };
  try {
    for (const [size, viewport, theme] of [
      ["desk", DESK, "light"],
      ["phone", PHONE, "dark"],
    ]) {
      await visit("", { viewport, theme }, async (page) => {
        await page.waitForSelector(".notice-error", WAIT);
        assert.match(await text(page, ".notice-error"), /503: Store is busy – the database is locked/);
        assert.deepEqual(await overflow(page), []);
        assert.deepEqual(await seriousFaults(page), []);
        await shot(page, `error-${size}-vi-${theme}`);
      });
    }
    await visit("", {}, async (page) => {
      mock.fail = null;
      await page.getByRole("button", { name: "Thử lại" }).click();
      await page.waitForSelector(".cards", WAIT);
    });
  } finally {
    mock.fail = null;
  }
});

test("figures_stay_and_are_marked_old_while_the_collector_is_away", mocked, async () => {
  await visit("", {}, async (page) => {
    mock.fail = { title: "Gone", status: 502, detail: "" };
    try {
      await page.waitForSelector(".fresh-lost", WAIT);
      assert.match(await text(page, ".fresh"), /Mất kết nối\. Số liệu lúc \d\d:\d\d:\d\d/);
      assert.equal(await page.locator(".cards .rate").count(), 2);
      assert.deepEqual(await seriousFaults(page), []);
      await shot(page, "lost-desk-vi-light", { fullPage: false });
    } finally {
      mock.fail = null;
    }
    await page.waitForSelector(".fresh-live", WAIT);
  });
});

test("a_collector_without_its_broker_says_so", mocked, async () => {
  mock.status = { connected: false };
  try {
    await visit("", { viewport: PHONE }, async (page) => {
      await page.waitForSelector(".warning", WAIT);
      assert.match(
        await text(page, ".warning"),
        /không kết nối với máy chủ MQTT\. Bản tin cuối lúc 20:00, 23\/11\/2026/,
      );
      assert.deepEqual(await overflow(page), []);
      assert.deepEqual(await seriousFaults(page), []);
      await shot(page, "broker-down-phone-vi-light", { fullPage: false });
    });
  } finally {
    mock.status = {};
  }
});

/** The collector asks for a token while `act` runs. */
async function guarded(act, guesses = 1000) {
  Object.assign(mock, { token: "edutally_0123", guesses });
  try {
    await act();
  } finally {
    mock.token = null;
  }
}

test("a_collector_that_asks_for_a_token_gets_it_once_a_tab", mocked, async () => {
  await guarded(async () => {
    for (const [size, viewport, theme, language] of [
      ["desk", DESK, "light", "vi"],
      ["phone", PHONE, "dark", "en"],
    ]) {
      await visit("", { viewport, theme, language }, async (page) => {
        const [label, button, title] =
          language === "vi"
            ? ["Mã truy cập", "Xem số liệu", /Cần mã truy cập/]
            : ["Token", "Show figures", /A token is needed/];
        assert.match(await text(page, "h1"), title);
        assert.deepEqual(await overflow(page), []);
        assert.deepEqual(await seriousFaults(page), []);
        await shot(page, `sign-in-${size}-${language}-${theme}`);
        await page.getByLabel(label).fill(" edutally_0123 ");
        await page.getByRole("button", { name: button }).click();
        await page.waitForSelector(".cards", WAIT);
        await page.waitForSelector(".fresh-live", WAIT);
        assert.doesNotMatch(page.url(), /edutally_0123/);
        assert.deepEqual(await seriousFaults(page), []);
        await page.reload();
        await page.waitForSelector(".cards", WAIT);
      });
    }
  });
});

test("a_wrong_token_is_named_and_not_kept", mocked, async () => {
  await guarded(async () => {
    await visit("", {}, async (page) => {
      const enter = async (token) => {
        await page.getByLabel("Mã truy cập").fill(token);
        await page.keyboard.press("Enter");
      };
      await enter("nonsense");
      await page.getByText("Mã không đúng hoặc đã bị thu hồi.").waitFor(WAIT);
      assert.deepEqual(await seriousFaults(page), []);
      assert.equal(await page.evaluate(() => sessionStorage.getItem("edutally.token")), null);
      await enter("không phải mã");
      await page.getByText("Mã không đúng hoặc đã bị thu hồi.").waitFor(WAIT);
      mock.guesses = 0;
      await enter("nonsense");
      await page.getByText("Hãy đợi một phút").waitFor(WAIT);
      await enter("edutally_0123");
      await page.waitForSelector(".cards", WAIT);
    });
  });
});

test("a_token_that_is_taken_away_takes_the_figures_with_it", mocked, async () => {
  await guarded(async () => {
    await visit("", {}, async (page) => {
      await page.getByLabel("Mã truy cập").fill("edutally_0123");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".cards", WAIT);
      mock.token = "edutally_other";
      await page.waitForSelector(".sign-in", WAIT);
      assert.equal(await page.locator(".cards").count(), 0);
      const asked = mock.requests.length;
      await page.getByLabel("Mã truy cập").fill("edutally_other");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".cards", WAIT);
      assert.ok(mock.requests.length > asked);
      await page.getByRole("button", { name: "Quên mã truy cập" }).click();
      await page.waitForSelector(".sign-in", WAIT);
      assert.equal(await page.evaluate(() => sessionStorage.getItem("edutally.token")), null);
    });
  });
});

test("a_file_is_downloaded_with_the_token_and_by_a_link_without_one", mocked, async () => {
  const download = async (page) => {
    const [file] = await Promise.all([page.waitForEvent("download", WAIT), page.locator(".download").click()]);
    assert.match(file.suggestedFilename(), /^edutally-.*\.csv$/);
    assert.equal(await file.failure(), null);
  };
  await visit("", {}, download);
  await guarded(() =>
    visit("", {}, async (page) => {
      await page.getByLabel("Mã truy cập").fill("edutally_0123");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".cards", WAIT);
      await download(page);
    }),
  );
});

test("what_looks_like_html_in_the_registry_stays_text", mocked, async () => {
  const { world } = mock;
  const evil = '<script>window.evil = 1</script><img src=x onerror="window.evil = 2">';
  const centre = world.centres[0];
  const { name, area } = centre;
  const adoption = world.adoption.bind(world);
  centre.name = evil;
  world.adoption = (query) => {
    const { rows } = adoption(query);
    return { rows: rows.map((row) => (row.area === area ? { ...row, area_name: evil } : row)) };
  };
  try {
    for (const hash of ["", `#/area/${area}`, `#/area/${area}?list=centres`, `#/centre/${centre.id}`]) {
      await visit(hash, {}, async (page) => {
        await page.waitForSelector(".view", WAIT);
        assert.ok((await page.locator("main").innerText()).includes(evil), hash);
        assert.equal(await page.locator("main script, main img").count(), 0);
        assert.equal(await page.evaluate(() => window.evil), undefined);
      });
    }
  } finally {
    centre.name = name;
    delete world.adoption;
  }
});

test("an_unknown_place_is_not_found", async () => {
  await visit("#/area/no-such-area", {}, async (page) => {
    await page.waitForSelector(".notice", WAIT);
    assert.equal(await text(page, "h1"), "Không tìm thấy");
  });
  await visit("#/centre/no-such-centre", {}, async (page) => {
    await page.waitForSelector(".notice", WAIT);
    assert.match(await text(page, "main"), /“no-such-centre”/);
  });
});

test("the_page_prints_on_a4", mocked, async () => {
  await visit("", {}, async (page) => {
    await page.waitForSelector(".cards", WAIT);
    // The text area of A4 between margins of 12 mm, in CSS pixels.
    await page.setViewportSize({ width: 703, height: 1000 });
    await page.emulateMedia({ media: "print" });
    await shot(page, "print-a4-vi");
    assert.deepEqual(await overflow(page), []);
    const wide = await page.evaluate(
      () =>
        [...document.querySelectorAll(".scroll")].filter(
          (box) => box.offsetParent && box.scrollWidth > box.clientWidth + 1,
        ).length,
    );
    assert.equal(wide, 0, "a table is wider than the paper");
  });
});

test("the_first_view_is_small", mocked, async () => {
  let bytes = 0;
  for (const body of (await readPage()).values()) bytes += gzipSync(body, { level: 9 }).length;
  console.log(`first view: ${(bytes / 1024).toFixed(1)} KiB compressed of ${BUDGET_BYTES / 1024}`);
  assert.ok(bytes <= BUDGET_BYTES);
});

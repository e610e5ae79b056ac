import { describe, expect, it } from "vitest";

import type { Day, Return } from "../src/api";
import { barsOf, following, named, reach } from "../src/user/bars";

const day = (date: string, amount: number, total: number): Day => ({
  date,
  date_text: date.slice(5),
  amount,
  text: `${amount} used`,
  total,
  total_text: "",
  parts: [],
});
const back = (date: string, amount: number): Return => ({ date, date_text: date.slice(5), amount, text: `${amount}` });

describe("bars", () => {
  const days = [day("2026-05-18", 2, 2), day("2026-05-19", 0, 2), day("2026-05-20", 3, 5)];

  it("stand one upon the other, so that the last reaches what is used", () => {
    const bars = barsOf(days, [], 14);

    expect(bars.map((bar) => [bar.base, bar.amount])).toEqual([
      [0, 2],
      [2, 0],
      [2, 3],
    ]);
  });

  it("go down again as use comes back, with empty days in between", () => {
    const bars = barsOf(days, [back("2026-05-21", 2), back("2026-05-23", 3)], 14).slice(3);

    expect(bars.map((bar) => [bar.date, bar.kind, bar.base, bar.amount])).toEqual([
      ["2026-05-21", "back", 3, 2],
      ["2026-05-22", "back", 3, 0],
      ["2026-05-23", "back", 0, 3],
    ]);
  });

  it("show what comes back today beside what was used today", () => {
    const bars = barsOf(days, [back("2026-05-20", 1)], 14).slice(3);

    expect(bars.map((bar) => [bar.date, bar.kind, bar.base])).toEqual([["2026-05-20", "back", 4]]);
  });

  it("never show more days to come than asked for", () => {
    expect(barsOf(days, [back("2026-06-19", 5)], 14)).toHaveLength(3 + 14);
  });

  it("never go below the ground, however numbers were rounded", () => {
    expect(barsOf(days, [back("2026-05-21", 5.0001)], 14).at(-1)?.base).toBe(0);
  });

  it("are none without days", () => {
    expect(barsOf([], [], 14)).toEqual([]);
  });
});

describe("the day after", () => {
  it.each([
    ["2026-02-28", "2026-03-01"],
    ["2028-02-28", "2028-02-29"],
    ["2026-12-31", "2027-01-01"],
    ["2026-03-29", "2026-03-30"], // where clocks change
  ])("%s is %s", (date, next) => {
    expect(following(date)).toBe(next);
  });
});

describe("the upper end", () => {
  const bars = barsOf([day("2026-05-18", 10, 10)], [], 14);

  it("is the limit", () => {
    expect(reach(bars, 12)).toBe(12);
  });

  it("is the highest bar where more was used than the limit, or where there is none", () => {
    expect(reach(bars, 5)).toBe(10);
    expect(reach(bars, null)).toBe(10);
    expect(reach(bars, 0)).toBe(10);
  });

  it("leaves a limit out that would flatten all bars", () => {
    expect(reach(bars, 1000)).toBe(10);
  });

  it("is never 0", () => {
    expect(reach([], null)).toBe(1);
  });
});

describe("names of days", () => {
  const bars = barsOf(
    Array.from({ length: 31 }, (_, index) => day(`2026-05-${String(index + 1).padStart(2, "0")}`, 1, index + 1)),
    [],
    14,
  );

  it("have room", () => {
    expect(named(bars, 320, 64).length).toBeLessThanOrEqual(5);
  });

  it("name today", () => {
    expect(named(bars, 320, 64).at(-1)?.date).toBe("2026-05-31");
  });
});

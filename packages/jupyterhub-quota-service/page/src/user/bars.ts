/**
 * From days to bars: what was used day by day, one upon the other, then what comes back.
 *
 * Pure. Amounts only become heights here; what they mean in words comes with them.
 */

import type { Day, Return } from "../api";

/** One day of the chart: *amount* stands upon *base*. */
export interface Bar {
  date: string;
  name: string;
  kind: "used" | "back";
  base: number;
  amount: number;
  text: string;
}

const DAY = 86_400_000;

/**
 * Return a bar for each day: those that are over grow by what was used, those to come shrink by what comes back.
 *
 * @param most how many days to come to show at most. Days on which nothing comes back are empty in between.
 */
export function barsOf(days: readonly Day[], returns: readonly Return[], most: number): Bar[] {
  const bars: Bar[] = days.map((day) => ({
    date: day.date,
    name: day.date_text,
    kind: "used",
    base: Math.max(0, day.total - day.amount),
    amount: day.amount,
    text: day.text,
  }));
  const back = new Map(returns.map((day) => [day.date, day]));
  const last = returns.at(-1)?.date ?? "";
  let total = days.at(-1)?.total ?? 0;
  let date = days.at(-1)?.date ?? last;
  const today = back.get(date);
  if (today) {
    total = Math.max(0, total - today.amount);
    bars.push({ date, name: today.date_text, kind: "back", base: total, amount: today.amount, text: today.text });
  }
  for (let count = 0; count < most && date < last; count++) {
    date = following(date);
    const day = back.get(date);
    total = Math.max(0, total - (day?.amount ?? 0));
    bars.push({
      date,
      name: day?.date_text ?? "",
      kind: "back",
      base: total,
      amount: day?.amount ?? 0,
      text: day?.text ?? "",
    });
  }
  return bars;
}

/** Return the day after *date*. */
export function following(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + DAY).toISOString().slice(0, 10);
}

/** Return the amount at the upper end of the chart: over every bar, and over a limit that would not flatten them. */
export function reach(bars: readonly Bar[], limit: number | null): number {
  const peak = Math.max(0, ...bars.map((bar) => bar.base + bar.amount));
  const shown = limit !== null && limit > 0 && (peak === 0 || limit <= peak * 5) ? limit : 0;
  return Math.max(peak, shown) || 1;
}

/** Return which bars get their day written below, so that at most one stands in each *room* pixels. */
export function named(bars: readonly Bar[], width: number, room: number): Bar[] {
  const most = Math.max(1, Math.floor(width / room));
  const step = Math.max(1, Math.ceil(bars.length / most));
  const last = bars.findLastIndex((bar) => bar.kind === "used");
  // Counted from today, which matters most.
  return bars.filter((bar, index) => bar.name !== "" && (index - Math.max(0, last)) % step === 0);
}

/** Time that is left, as a clock shows it. */

const MINUTE = 60;
const HOUR = 3600;

/** "14:59", "1:02:03": never less than nothing. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const parts = [Math.floor((whole % HOUR) / MINUTE), whole % MINUTE].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(whole / HOUR);
  return hours > 0 ? [hours, ...parts].join(":") : parts.join(":");
}

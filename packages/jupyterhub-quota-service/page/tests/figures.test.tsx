import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";

import type { Me, Quota } from "../src/api";
import { UserFigures } from "../src/user/UserFigures";

const QUOTA: Quota = {
  resource: "memory",
  title: "Memory, last 30 days",
  window_seconds: 2592000,
  window_text: "30 days",
  limit: 60,
  used: 50,
  remaining: 10,
  group: "regular",
  group_text: "from group regular",
  state: "near",
  state_text: "almost used up",
  heading: "10 GiB-hours left",
  used_text: "50 of 60 GiB-hours used",
  share: 0.83,
  share_text: "83 %",
  sentence: "You have used 50 of 60 GiB-hours of memory in the last 30 days.",
  runs_text: "A server with 4 GiB can run for about 2 h 30 min.",
  refill_sentence: null,
  returns: [],
};

const ME: Me = {
  at: 0,
  as_of: 0,
  as_of_text: "today at 14:02 CEST",
  complete_since: null,
  known: true,
  problem: null,
  retry_seconds: null,
  user: "ann",
  groups: ["regular"],
  exempt: false,
  summary: "10 GiB-hours of memory left.",
  quotas: [QUOTA],
  running: [],
  sizes: [],
  explanations: [],
  contact: "",
  links: { home: "/hub/home", logout: "/hub/logout", usage: "/", admin: null },
};

function shown(me: Partial<Me>): string {
  const asked = { answer: { ...ME, ...me }, problem: null, asking: false, slow: false, again: () => undefined };
  return renderToStaticMarkup(createElement(UserFigures, { path: "me", asked }));
}

describe("figures", () => {
  it("begin with what is left", () => {
    expect(shown({})).toMatch(/^<p[^>]*>10 GiB-hours of memory left\.<\/p>/);
  });

  it("say in words what the meter shows", () => {
    const html = shown({});

    expect(html).toContain('role="meter" aria-label="Memory, last 30 days"');
    expect(html).toContain('aria-valuenow="83" aria-valuetext="50 of 60 GiB-hours used, 83 %"');
    expect(html).toContain("almost used up");
  });

  it("have no meter where there is no limit", () => {
    const quota: Quota = { ...QUOTA, state: "unlimited", share: null, limit: null, heading: "Not limited" };

    expect(shown({ quotas: [quota] })).not.toContain('role="meter"');
  });

  it("that are the last known ones say so, once", () => {
    const problem = "How much you have used is not known at the moment.";
    const html = shown({ known: false, problem, summary: problem });

    expect(html.split(problem)).toHaveLength(2);
    expect(html).toContain("Last known figures, of today at 14:02 CEST.");
    expect(html).not.toContain("No server runs");
  });

  it("that are not known at all are not 0", () => {
    const html = shown({
      known: false,
      problem: "Not known.",
      summary: "Not known.",
      as_of: null,
      quotas: [],
      groups: null,
    });

    expect(html).toContain("groups are not known at the moment");
    expect(html.replaceAll(/<[^>]*>/g, " ")).not.toMatch(/\d/);
  });

  it("take names for what they are", () => {
    expect(shown({ user: "<img src=x>" })).toContain("<bdi>&lt;img src=x&gt;</bdi>");
  });
});

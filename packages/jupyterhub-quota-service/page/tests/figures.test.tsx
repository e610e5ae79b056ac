import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";

import type { Me, Quota } from "../src/api";
import { clock } from "../src/user/clock";
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
  notices: [],
  stopped: [],
  contact: "",
  links: { home: "/hub/home", logout: "/hub/logout", usage: "/", admin: null },
};

function shown(me: Partial<Me>): string {
  const asked = { answer: { ...ME, ...me }, problem: null, asking: false, slow: false, again: () => undefined };
  return renderToStaticMarkup(createElement(UserFigures, { path: "me", asked }));
}

describe("servers that end", () => {
  const notice = {
    server: "",
    server_text: "your default server",
    resource: "memory" as const,
    used_up: true,
    stops: true,
    ends: 900,
    ends_text: "today at 14:15 CEST",
    seconds_left: 899.2,
    sentence: "Your default server is stopped today at 14:15 CEST.",
    advice: "Save your work.",
  };

  it("are told with the time that is left", () => {
    expect(shown({ notices: [notice] })).toMatch(
      /is stopped today at 14:15 CEST\.<\/strong> Save your work\..*15:00 left<\/div>/,
    );
  });

  it("have no countdown where nothing is stopped", () => {
    expect(shown({ notices: [{ ...notice, stops: false }] })).not.toContain('role="timer"');
  });

  it("are told afterwards, too", () => {
    const stopped = [{ server: "", server_text: "", at: 1, sentence: "It was stopped.", reference: "7f3a" }];
    expect(shown({ stopped })).toContain("It was stopped. (reference 7f3a)");
  });
});

describe("a countdown", () => {
  it("reads as a clock", () => {
    expect([0, 59.5, 899, 3723, -5].map(clock)).toEqual(["00:00", "01:00", "14:59", "1:02:03", "00:00"]);
  });
});

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

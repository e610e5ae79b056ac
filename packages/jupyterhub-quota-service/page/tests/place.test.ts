import { describe, expect, it } from "vitest";

import { csvOf, hashOf, hashOfTable, isStart, placeOf, requestOf } from "../src/admin/place";

describe("an address", () => {
  it("without anything is everybody, those first who used most", () => {
    const place = placeOf("");

    expect(place.view).toBe("users");
    expect(isStart(place.filters)).toBe(true);
    expect(requestOf(place.filters)).toBe("users?sort=share&order=desc&offset=0&limit=100");
  });

  it.each(["ann", "a b", "a/b", "ann@example.org", "נועה", "100%", "?x=1#y", "..", "<b>"])(
    "of the user %s is that user again",
    (name) => {
      const place = placeOf(hashOf("user", name));

      expect([place.view, place.user]).toEqual(["user", name]);
    },
  );

  it("of a filtered table is the same table again", () => {
    const filters = {
      search: "a&b",
      group: "über alles",
      over: true,
      sort: "name",
      order: "asc",
      offset: 200,
    } as const;

    expect(placeOf(hashOfTable(filters)).filters).toEqual(filters);
  });

  it("that nobody wrote is everybody", () => {
    expect(placeOf("#/nothing?offset=-7&order=up&over=yes")).toEqual(placeOf("#/users"));
    expect(placeOf("#/users/%E0%A4%A").user).toBe("%E0%A4%A");
  });
});

describe("a request", () => {
  const { filters } = placeOf("#/users?search=an&group=power&over=1&offset=100");

  it("asks the API for what the address says", () => {
    expect(requestOf(filters)).toBe("users?sort=share&order=desc&offset=100&limit=100&search=an&group=power&over=80");
  });

  it("for a spreadsheet is for all pages", () => {
    expect(csvOf(filters)).toBe("users?format=csv&sort=share&order=desc&search=an&group=power&over=80");
  });
});

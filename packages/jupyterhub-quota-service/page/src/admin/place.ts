/**
 * Where an admin is: which view, of whom, filtered and sorted how. Kept in the part of the address after `#`, so that
 * the back button works, links can be passed on, and no server's log learns of whom one looked.
 */

export type View = "users" | "user" | "groups" | "totals" | "policy";

export interface Place {
  view: View;
  user: string;
  filters: Filters;
}

/** Which users to list; what the API calls the same. */
export interface Filters {
  search: string;
  group: string;
  over: boolean;
  sort: string;
  order: "asc" | "desc";
  offset: number;
}

export const PAGE = 100;
const VIEWS: readonly View[] = ["users", "groups", "totals", "policy"];
const START: Filters = { search: "", group: "", over: false, sort: "share", order: "desc", offset: 0 };

/** Read an address such as `#/users?group=power`. What cannot be read is the table of everybody. */
export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name = "", rest] = path.split("/", 2);
  const words = new URLSearchParams(query);
  const filters: Filters = {
    search: words.get("search") ?? START.search,
    group: words.get("group") ?? START.group,
    over: words.get("over") === "1",
    sort: words.get("sort") ?? START.sort,
    order: words.get("order") === "asc" ? "asc" : "desc",
    offset: Math.max(0, Number.parseInt(words.get("offset") ?? "0", 10) || 0),
  };
  if (name === "users" && rest) {
    return { view: "user", user: decoded(rest), filters };
  }
  return { view: VIEWS.find((view) => view === name) ?? "users", user: "", filters };
}

/** Return the address of a view, or of one user. */
export function hashOf(view: View, user = ""): string {
  return view === "user" ? `#/users/${encodeURIComponent(user)}` : `#/${view}`;
}

/** Return the address of the table of everybody with *filters*; what is as always is left out. */
export function hashOfTable(filters: Partial<Filters>): string {
  const query = queryOf(filters);
  return query === "" ? "#/users" : `#/users?${query}`;
}

function queryOf(filters: Partial<Filters>): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    if (value !== START[name as keyof Filters]) {
      words.set(name, value === true ? "1" : String(value));
    }
  }
  return words.toString();
}

/** Return what to ask the API for to get the table with *filters*. */
export function requestOf(filters: Filters): string {
  const words = new URLSearchParams({
    sort: filters.sort,
    order: filters.order,
    offset: String(filters.offset),
    limit: String(PAGE),
  });
  for (const [name, value] of Object.entries(narrowing(filters))) {
    words.set(name, value);
  }
  return `users?${words.toString()}`;
}

/** Return what to ask the API for to get all of the table with *filters* as CSV. */
export function csvOf(filters: Filters): string {
  const words = new URLSearchParams({ format: "csv", sort: filters.sort, order: filters.order, ...narrowing(filters) });
  return `users?${words.toString()}`;
}

/** Whether the table is as it is when one comes to it. */
export function isStart(filters: Filters): boolean {
  return queryOf(filters) === "";
}

function narrowing(filters: Filters): Record<string, string> {
  return {
    ...(filters.search && { search: filters.search }),
    ...(filters.group && { group: filters.group }),
    ...(filters.over && { over: "80" }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

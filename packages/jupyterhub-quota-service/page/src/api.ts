/**
 * What the service answers, mirrored from its `models.py`, and how to ask it.
 *
 * Amounts are base units, for drawing only; whatever people read is there as text.
 */

export type ResourceName = "memory" | "cpu" | "gpu";
export type State = "ok" | "near" | "over" | "none" | "unlimited";

export interface Problem {
  message: string;
  reference: string;
}

export interface Known {
  at: number;
  as_of: number | null;
  as_of_text: string;
  complete_since: number | null;
  known: boolean;
  problem: string | null;
  retry_seconds: number | null;
}

export interface Return {
  date: string;
  date_text: string;
  amount: number;
  text: string;
}

export interface Quota {
  resource: ResourceName;
  title: string;
  window_seconds: number;
  window_text: string;
  limit: number | null;
  used: number;
  remaining: number | null;
  group: string | null;
  group_text: string;
  state: State;
  state_text: string;
  heading: string;
  used_text: string;
  share: number | null;
  share_text: string;
  sentence: string;
  runs_text: string;
  refill_sentence: string | null;
  returns: Return[];
}

export interface Running {
  server: string;
  server_text: string;
  start: number;
  since_text: string;
  size_text: string;
  per_hour_text: string;
  lasts_until: number | null;
  lasts_text: string;
}

export interface Size {
  name: string;
  request: Partial<Record<ResourceName, number>>;
  request_text: string;
  allowed: boolean;
  runtime_seconds: number | null;
  text: string;
  message: string;
}

export interface Explanation {
  title: string;
  text: string;
}

export interface Links {
  home: string;
  logout: string;
  usage: string;
  admin: string | null;
}

export interface EndNotice {
  server: string;
  server_text: string;
  resource: ResourceName;
  used_up: boolean;
  stops: boolean;
  ends: number;
  ends_text: string;
  seconds_left: number;
  sentence: string;
  advice: string;
}

export interface StoppedServer {
  server: string;
  server_text: string;
  at: number;
  sentence: string;
  reference: string;
}

export interface Me extends Known {
  user: string;
  groups: string[] | null;
  exempt: boolean;
  summary: string;
  quotas: Quota[];
  running: Running[];
  sizes: Size[];
  explanations: Explanation[];
  notices: EndNotice[];
  stopped: StoppedServer[];
  contact: string;
  links: Links;
}

export interface Part {
  server: string;
  server_text: string;
  amount: number;
  text: string;
}

export interface Day {
  date: string;
  date_text: string;
  amount: number;
  text: string;
  total: number;
  total_text: string;
  parts: Part[];
}

export interface DaysOfResource {
  resource: ResourceName;
  title: string;
  window_seconds: number;
  unit: string;
  limit: number | null;
  limit_text: string;
  days: Day[];
}

export interface Days extends Known {
  resources: DaysOfResource[];
}

export interface Counted {
  resource: ResourceName;
  window_seconds: number;
  amount: number;
  text: string;
}

export interface SessionLine {
  server: string;
  server_text: string;
  start: number;
  start_text: string;
  end: number | null;
  end_text: string;
  size_text: string;
  amounts: Partial<Record<ResourceName, number>>;
  counted: Counted[];
  text: string;
}

export interface Sessions extends Known {
  sessions: SessionLine[];
}

export interface UserQuota {
  resource: ResourceName;
  title: string;
  window_seconds: number;
  limit: number | null;
  used: number;
  share: number | null;
  state: State;
  state_text: string;
  text: string;
}

export interface UserLine {
  name: string;
  href: string;
  groups: string[] | null;
  exempt: boolean;
  quotas: UserQuota[];
  share: number | null;
  share_text: string;
  running: number;
  running_text: string;
}

export interface Everybody extends Known {
  groups_as_of: number | null;
  groups_text: string;
}

export interface Users extends Everybody {
  total: number;
  matching: number;
  offset: number;
  limit: number;
  sort: string;
  order: "asc" | "desc";
  users: UserLine[];
}

export interface Total {
  resource: ResourceName;
  window_seconds: number;
  used: number;
  text: string;
}

export interface GroupQuota {
  resource: ResourceName;
  limit: number | null;
  window_seconds: number;
  text: string;
  over: number;
}

export interface Group {
  name: string | null;
  title: string;
  in_policy: boolean;
  exempt: boolean;
  members: number;
  quotas: GroupQuota[];
  totals: Total[];
}

export interface Groups extends Everybody {
  groups: Group[];
}

export interface Totals extends Everybody {
  totals: Total[];
  resources: DaysOfResource[];
  top: UserLine[];
}

export interface Rule {
  name: string;
  text: string;
}

export interface PolicyGroup {
  name: string | null;
  lines: string[];
}

export interface PolicyInForce {
  digest: string;
  in_force_since: number;
  in_force_text: string;
  valid: boolean;
  problems: string[];
  warnings: string[];
  groups: PolicyGroup[];
  exempt: string[];
  rules: Rule[];
  text: string;
}

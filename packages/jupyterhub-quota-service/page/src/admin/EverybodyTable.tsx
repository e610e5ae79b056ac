/** Everybody in one table, a page at a time: the service sorts, searches and filters, however many there are. */

import { useContext, useEffect, useRef } from "react";
import { Badge, Button, ButtonGroup, Form } from "react-bootstrap";

import type { Everybody, Groups, UserLine, Users } from "../api";
import { Notice, Waiting } from "../Notice";
import { ServiceContext, useAnswer } from "../polling";
import { Meter, StateBadge } from "../user/QuotaCard";
import { csvOf, type Filters, hashOf, hashOfTable, isStart, PAGE, placeOf, requestOf } from "./place";
import { WideTable } from "./WideTable";

const MOST_QUOTAS = 3; // in a row
const EVERY_SECONDS = 60;
const TYPING_MILLISECONDS = 250;

export function EverybodyTable({ filters, first }: { filters: Filters; first: Users | null }) {
  const { prefix } = useContext(ServiceContext);
  const asked = useAnswer<Users>(requestOf(filters), {
    first: isStart(filters) ? first : null,
    seconds: EVERY_SECONDS,
  });
  const page = asked.answer;
  return (
    <>
      <Controls filters={filters} />
      <Notice asked={asked} />
      <div className="d-flex flex-wrap justify-content-between gap-2 mb-2">
        <span role="status">
          {page && counted(page)} <Waiting asked={asked} />
        </span>
        <a href={`${prefix}api/${csvOf(filters)}`} download>
          Download as CSV
        </a>
      </div>
      {page && (
        <>
          <UsersTable users={page.users} filters={filters} />
          <Pages page={page} filters={filters} />
          <AsOf answer={page} />
        </>
      )}
    </>
  );
}

/** As of when the figures and the groups are. */
export function AsOf({ answer }: { answer: Everybody }) {
  return (
    <p className="small text-body-secondary">
      {answer.as_of_text && <>Use as of {answer.as_of_text}. </>}
      {answer.groups_text}
    </p>
  );
}

function counted(page: Users): string {
  const users = page.matching === 1 ? "1 user" : `${page.matching} users`;
  const of = page.matching === page.total ? "" : ` of ${page.total}`;
  if (page.matching <= page.users.length) {
    return users + of;
  }
  return `${page.offset + 1} to ${page.offset + page.users.length} of ${users}${page.matching === page.total ? "" : `, ${page.total} in all`}`;
}

function Controls({ filters }: { filters: Filters }) {
  const groups = useAnswer<Groups>("groups").answer?.groups ?? [];
  const field = useRef<HTMLInputElement>(null);
  const typing = useRef(0);
  useEffect(() => {
    // The back button changes what is searched for; whoever types is not disturbed.
    if (field.current && typing.current === 0) {
      field.current.value = filters.search;
    }
  }, [filters.search]);
  const search = () => {
    clearTimeout(typing.current);
    typing.current = setTimeout(() => {
      typing.current = 0;
      const { filters: now } = placeOf(location.hash);
      location.replace(hashOfTable({ ...now, search: field.current?.value ?? "", offset: 0 }));
    }, TYPING_MILLISECONDS);
  };
  return (
    <Form
      role="search"
      className="row g-2 align-items-end mb-3"
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <Form.Group className="col-12 col-sm" controlId="search">
        <Form.Label className="mb-1">Name</Form.Label>
        <Form.Control
          type="search"
          autoComplete="off"
          dir="auto"
          ref={field}
          defaultValue={filters.search}
          onChange={search}
        />
      </Form.Group>
      <Form.Group className="col-12 col-sm" controlId="group">
        <Form.Label className="mb-1">Group</Form.Label>
        <Form.Select
          value={filters.group}
          onChange={(event) => {
            location.hash = hashOfTable({ ...filters, group: event.target.value, offset: 0 });
          }}
        >
          <option value="">all</option>
          {groups
            .filter((group) => group.name !== null)
            .map((group) => (
              <option key={group.name} value={group.name ?? ""}>
                {group.title} ({group.members})
              </option>
            ))}
        </Form.Select>
      </Form.Group>
      <div className="col-auto pb-2">
        <Form.Check
          id="over"
          type="checkbox"
          label="over 80 %"
          checked={filters.over}
          onChange={(event) => {
            location.hash = hashOfTable({ ...filters, over: event.target.checked, offset: 0 });
          }}
        />
      </div>
    </Form>
  );
}

interface Column {
  sort: string; // what the API calls the order; empty where there is none
  title: string;
  order: Filters["order"]; // the one that is wanted first
}

/** What `UserRow` shows. */
export const COLUMNS: readonly Column[] = [
  { sort: "name", title: "User", order: "asc" },
  { sort: "", title: "Groups", order: "asc" },
  { sort: "share", title: "Used", order: "desc" },
  { sort: "running", title: "Running now", order: "desc" },
];

function UsersTable({ users, filters }: { users: readonly UserLine[]; filters: Filters }) {
  return (
    <WideTable
      name="Users"
      heads={COLUMNS.map((column) => (
        <Heading key={column.title} column={column} filters={filters} />
      ))}
      hover
    >
      {users.map((user) => (
        <UserRow key={user.name} user={user} />
      ))}
      {users.length === 0 && (
        <tr>
          <td colSpan={COLUMNS.length}>Nobody is like that.</td>
        </tr>
      )}
    </WideTable>
  );
}

function Heading({ column, filters }: { column: Column; filters: Filters }) {
  if (column.sort === "") {
    return <th scope="col">{column.title}</th>;
  }
  const active = filters.sort === column.sort;
  const order = active ? (filters.order === "asc" ? "desc" : "asc") : column.order;
  return (
    <th scope="col" aria-sort={active ? (filters.order === "asc" ? "ascending" : "descending") : "none"}>
      <a className="text-body" href={hashOfTable({ ...filters, sort: column.sort, order, offset: 0 })}>
        {column.title}
        <span aria-hidden="true">{active ? (filters.order === "asc" ? " ▴" : " ▾") : ""}</span>
      </a>
    </th>
  );
}

export function UserRow({ user }: { user: UserLine }) {
  // The most pressing ones; a quota of 0 only where there is no other.
  const counting = user.quotas.filter((quota) => quota.state !== "none");
  const all = counting.length > 0 ? counting : user.quotas;
  const told = all.toSorted((one, other) => (other.share ?? 0) - (one.share ?? 0)).slice(0, MOST_QUOTAS);
  return (
    <tr>
      <th scope="row" className="fw-normal text-break quota-name">
        <a href={hashOf("user", user.name)}>
          <bdi>{user.name}</bdi>
        </a>
      </th>
      <td className="text-break">
        {user.groups === null ? (
          <em>not known</em>
        ) : (
          user.groups.map((group, index) => (
            <span key={group}>
              {index > 0 && ", "}
              <bdi>{group}</bdi>
            </span>
          ))
        )}
        {user.exempt && (
          <Badge bg="" className="text-bg-info ms-1">
            exempt
          </Badge>
        )}
      </td>
      <td className="quota-used-column">
        {told.map((quota) => (
          <div key={quota.title} className="mb-1">
            <div className="small">
              <span className="text-body-secondary">{quota.title}:</span> {quota.text}
            </div>
            <div className="d-flex flex-wrap align-items-center gap-2">
              {quota.share !== null && (
                <Meter
                  state={quota.state}
                  share={quota.share}
                  text={quota.text}
                  name={`${user.name}, ${quota.title}`}
                />
              )}
              <StateBadge state={quota.state} text={quota.state_text} />
            </div>
          </div>
        ))}
        {all.length > told.length && (
          <a className="small" href={hashOf("user", user.name)}>
            {all.length - told.length} more
          </a>
        )}
      </td>
      <td className="text-nowrap">
        {user.running > 0 ? (
          <>
            {user.running} <span className="small text-body-secondary d-block">{user.running_text}</span>
          </>
        ) : (
          <span className="text-body-secondary">none</span>
        )}
      </td>
    </tr>
  );
}

function Pages({ page, filters }: { page: Users; filters: Filters }) {
  if (page.matching <= PAGE && page.offset === 0) {
    return null;
  }
  const to = (offset: number) => () => {
    location.hash = hashOfTable({ ...filters, offset });
    scrollTo(0, 0);
  };
  const last = Math.max(0, Math.floor((page.matching - 1) / PAGE) * PAGE);
  const isFirst = page.offset <= 0;
  const isLast = page.offset >= last;
  return (
    <ButtonGroup aria-label="Pages" size="sm" className="mb-3">
      <Button variant="outline-contrast" disabled={isFirst} onClick={to(0)}>
        First
      </Button>
      <Button variant="outline-contrast" disabled={isFirst} onClick={to(Math.max(0, page.offset - PAGE))}>
        Previous
      </Button>
      <Button variant="outline-contrast" disabled={isLast} onClick={to(page.offset + PAGE)}>
        Next
      </Button>
      <Button variant="outline-contrast" disabled={isLast} onClick={to(last)}>
        Last
      </Button>
    </ButtonGroup>
  );
}

/** What admins see: everybody, groups, totals, one user, and the policy in force. */

import { useEffect, useRef, useSyncExternalStore } from "react";
import { Nav } from "react-bootstrap";

import type { Me, Users } from "../api";
import { useAnswer } from "../polling";
import { UserFigures } from "../user/UserFigures";
import { EverybodyTable } from "./EverybodyTable";
import { GroupsTable } from "./GroupsTable";
import { hashOf, placeOf, type View } from "./place";
import { Policy } from "./Policy";
import { TotalsView } from "./TotalsView";

const TITLES: readonly (readonly [View, string])[] = [
  ["users", "Users"],
  ["groups", "Groups"],
  ["totals", "Totals"],
  ["policy", "Policy"],
];

export function AdminPage({ first }: { first: Users | null }) {
  const place = placeOf(useHash());
  const view = useRef<HTMLDivElement>(null);
  const key = `${place.view} ${place.user}`;
  const before = useRef(key);
  useEffect(() => {
    // A screen reader goes on where the new view begins.
    if (before.current !== key) {
      before.current = key;
      view.current?.focus();
    }
  }, [key]);
  return (
    <main className="container">
      <h1 className="h3 text-break">
        {place.view === "user" ? (
          <>
            What <bdi>{place.user}</bdi> sees
          </>
        ) : (
          "Everybody's quotas"
        )}
      </h1>
      <Nav variant="tabs" as="nav" aria-label="Views" className="mb-3" activeKey={place.view}>
        {TITLES.map(([name, title]) => {
          const active = name === place.view || (name === "users" && place.view === "user");
          return (
            <a
              key={name}
              className={`nav-link ${active ? "active" : ""}`}
              href={hashOf(name)}
              aria-current={active ? "page" : undefined}
            >
              {title}
            </a>
          );
        })}
      </Nav>
      <div ref={view} tabIndex={-1} className="quota-view">
        {place.view === "users" && <EverybodyTable filters={place.filters} first={first} />}
        {place.view === "groups" && <GroupsTable />}
        {place.view === "totals" && <TotalsView />}
        {place.view === "policy" && <Policy />}
        {place.view === "user" && <OneUser key={place.user} name={place.user} />}
      </div>
    </main>
  );
}

/** Exactly what that user sees. */
function OneUser({ name }: { name: string }) {
  const path = `users/${encodeURIComponent(name)}`;
  const asked = useAnswer<Me>(path, { seconds: 60 });
  return <UserFigures path={path} asked={asked} />;
}

function useHash(): string {
  return useSyncExternalStore(
    (changed) => {
      addEventListener("hashchange", changed);
      return () => {
        removeEventListener("hashchange", changed);
      };
    },
    () => location.hash,
  );
}

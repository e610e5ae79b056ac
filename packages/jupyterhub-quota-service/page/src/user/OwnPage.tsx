/** The page of who is signed in. */

import { useEffect } from "react";

import type { Me } from "../api";
import { useAnswer } from "../polling";
import { UserFigures } from "./UserFigures";

const EVERY_SECONDS = 60;

export function OwnPage({ first }: { first: Me | null }) {
  const asked = useAnswer<Me>("me", { first, seconds: EVERY_SECONDS });
  const heading = asked.answer?.quotas[0]?.heading;
  useEffect(() => {
    // What a tab is called says the most important, too.
    document.title = heading ? `${heading} · Your quota` : "Your quota";
  }, [heading]);
  return (
    <main className="container">
      <h1 className="h3">Your quota</h1>
      <UserFigures path="me" asked={asked} />
    </main>
  );
}

/** The page of who is signed in. */

import { useEffect } from "react";

import type { Me } from "../api";
import { useAnswer } from "../polling";
import { UserFigures } from "./UserFigures";

const EVERY_SECONDS = 60;

export function OwnPage({ first }: { first: Me | null }) {
  const asked = useAnswer<Me>("me", { first, seconds: EVERY_SECONDS });
  const summary = asked.answer?.summary;
  useEffect(() => {
    // A screen reader begins with the title, and a tab shows its first words.
    document.title = summary ? `${summary} · Your quota` : "Your quota";
  }, [summary]);
  return (
    <main className="container">
      <h1 className="h3">Your quota</h1>
      <UserFigures path="me" asked={asked} />
    </main>
  );
}

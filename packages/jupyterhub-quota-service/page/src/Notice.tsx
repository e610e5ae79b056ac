/** What is wrong or slow, in words that a screen reader says without being asked. */

import { Alert, Button, Spinner } from "react-bootstrap";

import type { Known } from "./api";
import type { Asked } from "./polling";

/** That the last figures are all there is, unless that was *said*; or that asking failed. */
export function Notice({ asked, said = "" }: { asked: Asked<Known>; said?: string }) {
  const { answer, problem } = asked;
  return (
    <div aria-live="polite">
      {answer?.problem && !said.includes(answer.problem) && <Alert variant="warning">{answer.problem}</Alert>}
      {problem && (
        <Alert variant="warning" className="d-flex flex-wrap gap-2 align-items-center justify-content-between">
          <span>
            {problem.message} {answer?.as_of_text && `What you see is of ${answer.as_of_text}.`}
          </span>
          {problem.signIn ? (
            <Button
              size="sm"
              onClick={() => {
                location.reload();
              }}
            >
              Sign in again
            </Button>
          ) : (
            <Button size="sm" variant="outline-contrast" disabled={asked.asking} onClick={asked.again}>
              Try again
            </Button>
          )}
        </Alert>
      )}
    </div>
  );
}

/** That something is on its way, and from when on that it takes long. */
export function Waiting({ asked }: { asked: Pick<Asked<unknown>, "asking" | "slow"> }) {
  return (
    <span role="status" className="text-body-secondary">
      {asked.asking && (
        <>
          <Spinner as="span" size="sm" aria-hidden="true" /> {asked.slow ? "This takes longer than usual…" : "Loading…"}
        </>
      )}
    </span>
  );
}

/** Servers that end soon, with the time that is left, and those that were stopped. Words and moments are the server's. */

import { useEffect, useState } from "react";
import { Alert } from "react-bootstrap";

import type { EndNotice, Me } from "../api";
import { clock } from "./clock";

const SECOND = 1000;

export function Endings({ me }: { me: Me }) {
  return (
    <div aria-live="polite">
      {me.notices.map((notice) => (
        <Alert variant="warning" key={notice.server}>
          <strong>{notice.sentence}</strong> {notice.advice}
          {notice.stops && notice.seconds_left > 0 && <Countdown notice={notice} key={notice.ends} />}
        </Alert>
      ))}
      {me.stopped.map((one) => (
        <Alert variant="secondary" key={one.reference}>
          {one.sentence} (reference {one.reference})
        </Alert>
      ))}
    </div>
  );
}

/** The time that is left. Counted from when the answer came, so that the browser's clock may be wrong. */
function Countdown({ notice }: { notice: EndNotice }) {
  const [left, setLeft] = useState(notice.seconds_left);
  useEffect(() => {
    const end = performance.now() + notice.seconds_left * SECOND;
    const timer = setInterval(() => {
      setLeft(Math.max(0, (end - performance.now()) / SECOND));
    }, SECOND);
    return () => {
      clearInterval(timer);
    };
  }, [notice.seconds_left]);
  // A screen reader is told by the sentence; a number that changes each second would be read for ever.
  return (
    <div role="timer" aria-live="off" className="fs-4 mt-2">
      {clock(left)} left
    </div>
  );
}

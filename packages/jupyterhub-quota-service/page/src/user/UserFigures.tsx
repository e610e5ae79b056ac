/** All about one user's quotas: what this user sees, also where an admin looks. */

import { useContext, useEffect, useRef, useState } from "react";
import { Badge, Button } from "react-bootstrap";

import type { Days, Me, Quota, Sessions } from "../api";
import { Notice, Waiting } from "../Notice";
import { type Asked, ServiceContext, useAnswer } from "../polling";
import { Endings } from "./Endings";
import { History } from "./History";
import { QuotaCard } from "./QuotaCard";
import { RecentServers, RunningNow, Sizes } from "./Servers";

const DAYS_EVERY_SECONDS = 600;
const MOST_CARDS = 6;

interface Props {
  path: string; // where this user's figures are: `me`, or `users/NAME`
  asked: Asked<Me>;
}

export function UserFigures({ path, asked }: Props) {
  const { prefix } = useContext(ServiceContext);
  const days = useAnswer<Days>(`${path}/days`, { seconds: DAYS_EVERY_SECONDS });
  const sessions = useAnswer<Sessions>(`${path}/sessions`, { seconds: DAYS_EVERY_SECONDS });
  const me = asked.answer;

  // A server that came or went has changed the past, too.
  const running = me?.running.map((server) => `${server.server} ${server.start}`).join();
  const before = useRef(running);
  const { again: daysAgain } = days;
  const { again: sessionsAgain } = sessions;
  useEffect(() => {
    if (before.current !== undefined && before.current !== running) {
      daysAgain();
      sessionsAgain();
    }
    before.current = running;
  }, [running, daysAgain, sessionsAgain]);

  return (
    <>
      {me?.summary && <p className={`fs-5 mb-2 text-break ${me.known ? "" : "alert alert-warning"}`}>{me.summary}</p>}
      {!me && <Waiting asked={asked} />}
      <Notice asked={asked} said={me?.summary ?? ""} />
      {me && (
        <>
          <Endings me={me} />
          <Who me={me} />
          <Quotas quotas={me.quotas} stale={me.known ? "" : `Last known figures, of ${me.as_of_text}.`} />
          {(me.known || me.running.length > 0) && <RunningNow running={me.running} home={me.links.home} />}
          <div className="row gx-lg-5">
            <div className="col-lg-7">
              <History asked={days} quotas={me.quotas} csv={`${prefix}api/${path}/days?format=csv`} />
            </div>
            <div className="col-lg-5">
              <Sizes sizes={me.sizes} />
            </div>
          </div>
          <RecentServers asked={sessions} csv={`${prefix}api/${path}/sessions?format=csv`} />
          <Explanations me={me} />
        </>
      )}
    </>
  );
}

function Who({ me }: { me: Me }) {
  return (
    <p className="text-body-secondary text-break">
      <bdi>{me.user}</bdi>
      {" · "}
      {me.groups === null && "groups are not known at the moment"}
      {me.groups?.length === 0 && "in no group"}
      {me.groups && me.groups.length > 0 && (
        <>
          {me.groups.length === 1 ? "group: " : "groups: "}
          {me.groups.map((group, index) => (
            <span key={group}>
              {index > 0 && ", "}
              <bdi>{group}</bdi>
            </span>
          ))}
        </>
      )}
      {me.known && me.as_of_text && <> · as of {me.as_of_text}</>}
      {me.exempt && (
        <Badge bg="" className="text-bg-info ms-2">
          exempt from quotas
        </Badge>
      )}
    </p>
  );
}

function Quotas({ quotas, stale }: { quotas: readonly Quota[]; stale: string }) {
  const [all, setAll] = useState(false);
  const shown = all ? quotas : quotas.slice(0, MOST_CARDS);
  return (
    <>
      <div className={`row row-cols-1 g-3 ${quotas.length > 1 ? "row-cols-lg-2" : ""}`}>
        {shown.map((quota) => (
          <div className="col" key={`${quota.resource} ${quota.window_seconds}`}>
            <QuotaCard quota={quota} stale={stale} />
          </div>
        ))}
      </div>
      {quotas.length > shown.length && (
        <Button
          variant="outline-contrast"
          className="mt-3"
          onClick={() => {
            setAll(true);
          }}
        >
          Show all {quotas.length} quotas
        </Button>
      )}
    </>
  );
}

function Explanations({ me }: { me: Me }) {
  if (me.explanations.length === 0 && me.contact === "") {
    return null;
  }
  return (
    <section className="mt-4 mb-5" aria-labelledby="questions">
      <h2 id="questions" className="h5">
        Questions
      </h2>
      {me.explanations.map((explanation) => (
        <details key={explanation.title} className="border-bottom py-2">
          <summary>{explanation.title}</summary>
          <p className="mt-2 mb-1 text-break">{explanation.text}</p>
        </details>
      ))}
      {me.contact && <p className="mt-3 mb-0 text-break">{me.contact}</p>}
    </section>
  );
}

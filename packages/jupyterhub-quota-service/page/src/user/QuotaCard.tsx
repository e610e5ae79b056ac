/** One quota: what is left, as a meter and in words; colour repeats what the text says, never replaces it. */

import { useId } from "react";
import { Badge, Card } from "react-bootstrap";

import type { Quota, State } from "../api";

interface Look {
  variant: "primary" | "warning" | "danger" | "secondary";
  sign: string;
}

const LOOKS: Record<State, Look> = {
  ok: { variant: "primary", sign: "" },
  near: { variant: "warning", sign: "▲" },
  over: { variant: "danger", sign: "■" },
  none: { variant: "secondary", sign: "" },
  unlimited: { variant: "secondary", sign: "" },
};

/** The state in words, with a sign and a colour of its own; nothing where nobody need act. */
export function StateBadge({ state, text }: { state: State; text: string }) {
  const { variant, sign } = LOOKS[state];
  if (text === "" || sign === "") {
    return null;
  }
  return (
    <Badge bg="" className={`text-bg-${variant} text-wrap`}>
      {sign && <span aria-hidden="true">{sign} </span>}
      {text}
    </Badge>
  );
}

/** How much of a quota is used, as a bar. */
export function Meter({ state, share, text, name }: { state: State; share: number; text: string; name: string }) {
  const percent = Math.min(100, Math.max(0, share * 100));
  return (
    <div
      className={`progress quota-meter quota-meter-${state}`}
      role="meter"
      aria-label={name}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(percent)}
      aria-valuetext={text}
    >
      <div className={`progress-bar bg-${LOOKS[state].variant}`} style={{ width: `${percent}%` }} />
    </div>
  );
}

export function QuotaCard({ quota, stale }: { quota: Quota; stale: string }) {
  const id = useId();
  const { variant } = LOOKS[quota.state];
  const pressing = quota.state === "near" || quota.state === "over";
  return (
    <Card as="section" aria-labelledby={id} className={`h-100 ${pressing ? `border-2 border-${variant}` : ""}`}>
      <Card.Body>
        <div className="d-flex flex-wrap justify-content-between gap-2 mb-1">
          <h2 id={id} className="h6 text-body-secondary mb-0">
            {quota.title}
          </h2>
          <StateBadge state={quota.state} text={quota.state_text} />
        </div>
        <p className="h4 mb-2">{quota.heading}</p>
        {quota.share !== null && (
          <>
            <Meter
              state={quota.state}
              share={quota.share}
              text={`${quota.used_text}, ${quota.share_text}`}
              name={quota.title}
            />
            <p className="d-flex justify-content-between small mt-1 mb-2" aria-hidden="true">
              <span>{quota.used_text}</span>
              <span>{quota.share_text}</span>
            </p>
          </>
        )}
        {stale && <p className="small fst-italic mb-2">{stale}</p>}
        {(quota.share === null || quota.state === "none") && <p className="mb-2">{quota.sentence}</p>}
        {quota.runs_text && <p className="mb-2">{quota.runs_text}</p>}
        {quota.refill_sentence && <p className="mb-2">{quota.refill_sentence}</p>}
        {quota.returns.length > 0 && (
          <details className="small">
            <summary>What comes back on which day</summary>
            <ul className="mb-0 mt-1">
              {quota.returns.map((day) => (
                <li key={day.date}>
                  {day.date_text}: {day.text}
                </li>
              ))}
            </ul>
          </details>
        )}
        {quota.group_text && (
          <p className="small text-body-secondary mb-0 mt-2 text-break">
            <bdi className="quota-first">{quota.group_text}</bdi>
          </p>
        )}
      </Card.Body>
    </Card>
  );
}

/** Use per day of one quota, which can be chosen where there are several. */

import { useState } from "react";
import { Form } from "react-bootstrap";

import type { Days, DaysOfResource, Quota } from "../api";
import { Notice, Waiting } from "../Notice";
import type { Asked } from "../polling";
import { DaysChart } from "./DaysChart";

interface Props {
  asked: Asked<Days>;
  quotas: readonly Quota[];
  csv?: string;
}

export function History({ asked, quotas, csv }: Props) {
  const [chosen, setChosen] = useState("");
  const histories = (asked.answer?.resources ?? []).filter(tells);
  const history = histories.find((one) => nameOf(one) === chosen) ?? histories[0];
  const returns = history && quotas.find((quota) => nameOf(quota) === nameOf(history))?.returns;
  if (asked.answer && !history) {
    return null;
  }
  return (
    <section className="mt-4" aria-labelledby="days">
      <div className="d-flex flex-wrap justify-content-between gap-2 mb-2">
        <h2 id="days" className="h5 mb-0">
          Use per day
        </h2>
        {histories.length > 1 && history && (
          <Form.Select
            size="sm"
            className="w-auto mw-100"
            aria-label="Which quota"
            value={nameOf(history)}
            onChange={(event) => {
              setChosen(event.target.value);
            }}
          >
            {histories.map((one) => (
              <option key={nameOf(one)} value={nameOf(one)}>
                {one.title}
              </option>
            ))}
          </Form.Select>
        )}
        {csv && history && (
          <a href={csv} download>
            Use per day as CSV
          </a>
        )}
      </div>
      {!asked.answer && <Waiting asked={asked} />}
      {!asked.answer && <Notice asked={asked} />}
      {history && <DaysChart history={history} returns={returns ?? []} />}
    </section>
  );
}

/** Whether there is anything to show: something was used, or could have been. */
function tells(history: DaysOfResource): boolean {
  return history.days.some((day) => day.amount > 0) || (history.limit !== null && history.limit > 0);
}

function nameOf(quota: { resource: string; window_seconds: number }): string {
  return `${quota.resource} ${quota.window_seconds}`;
}

/** What everybody uses together, day by day, and who uses most of their quota. */

import type { Totals } from "../api";
import { Notice, Waiting } from "../Notice";
import { useAnswer } from "../polling";
import { History } from "../user/History";
import { AsOf, COLUMNS, UserRow } from "./EverybodyTable";
import { Heads, WideTable } from "./WideTable";

export function TotalsView() {
  const asked = useAnswer<Totals>("totals", { seconds: 300 });
  const { answer } = asked;
  return (
    <>
      <Notice asked={asked} />
      {!answer && <Waiting asked={asked} />}
      {answer && (
        <>
          <ul className="list-unstyled h5">
            {answer.totals.map((total) => (
              <li key={`${total.resource} ${total.window_seconds}`}>{total.text}</li>
            ))}
          </ul>
          <History asked={asked} quotas={[]} />
          <section className="mt-4" aria-labelledby="top">
            <h2 id="top" className="h5">
              Who has used the largest part of a quota
            </h2>
            <WideTable name="Users" heads={<Heads titles={COLUMNS.map((column) => column.title)} />}>
              {answer.top.map((user) => (
                <UserRow key={user.name} user={user} />
              ))}
            </WideTable>
          </section>
          <AsOf answer={answer} />
        </>
      )}
    </>
  );
}

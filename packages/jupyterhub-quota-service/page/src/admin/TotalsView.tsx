/** What everybody uses together, day by day, and who uses most of their quota. */

import { Table } from "react-bootstrap";

import type { Totals } from "../api";
import { Notice, Waiting } from "../Notice";
import { type Asked, useAnswer } from "../polling";
import { History } from "../user/History";
import { AsOf, UserRow } from "./EverybodyTable";

export function TotalsView() {
  const asked: Asked<Totals> = useAnswer<Totals>("totals", { seconds: 300 });
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
            {/* What scrolls must be reached by keyboard. */}
            {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
            <div className="table-responsive" role="region" aria-label="Users" tabIndex={0}>
              <Table size="sm">
                <thead>
                  <tr>
                    <th scope="col">User</th>
                    <th scope="col">Groups</th>
                    <th scope="col">Used</th>
                    <th scope="col">Running now</th>
                  </tr>
                </thead>
                <tbody>
                  {answer.top.map((user) => (
                    <UserRow key={user.name} user={user} />
                  ))}
                </tbody>
              </Table>
            </div>
          </section>
          <AsOf answer={answer} />
        </>
      )}
    </>
  );
}

/** Groups: what each gives, who is in it, and what its members use together. */

import { Badge } from "react-bootstrap";

import type { Group, Groups } from "../api";
import { Notice, Waiting } from "../Notice";
import { useAnswer } from "../polling";
import { AsOf } from "./EverybodyTable";
import { hashOfTable } from "./place";
import { Heads, WideTable } from "./WideTable";

export function GroupsTable() {
  const asked = useAnswer<Groups>("groups", { seconds: 60 });
  return (
    <>
      <Notice asked={asked} />
      {!asked.answer && <Waiting asked={asked} />}
      {asked.answer && (
        <>
          <WideTable name="Groups" heads={<Heads titles={["Group", "Members", "Gives", "Used together"]} />}>
            {asked.answer.groups.map((group) => (
              <GroupRow key={group.name ?? " none"} group={group} />
            ))}
          </WideTable>
          <AsOf answer={asked.answer} />
        </>
      )}
    </>
  );
}

function GroupRow({ group }: { group: Group }) {
  return (
    <tr>
      <th scope="row" className="fw-normal text-break quota-name">
        <bdi>{group.title}</bdi>
        {group.exempt && (
          <Badge bg="" className="text-bg-info ms-1">
            exempt
          </Badge>
        )}
        {!group.in_policy && group.name !== null && (
          <span className="d-block small text-body-secondary">not in the policy</span>
        )}
      </th>
      <td>
        {group.name === null || group.members === 0 ? (
          group.members
        ) : (
          <a href={hashOfTable({ group: group.name })}>
            {group.members}
            <span className="visually-hidden"> users in {group.title}</span>
          </a>
        )}
      </td>
      <td>
        {group.quotas.map((quota) => (
          <div key={`${quota.resource} ${quota.window_seconds}`}>
            {quota.text}
            {quota.over > 0 && <span className="text-danger-emphasis"> ({quota.over} have used all of it)</span>}
          </div>
        ))}
      </td>
      <td>
        {group.totals.map((total) => (
          <div key={`${total.resource} ${total.window_seconds}`}>{total.text}</div>
        ))}
      </td>
    </tr>
  );
}

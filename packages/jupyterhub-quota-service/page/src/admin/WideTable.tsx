/** A table that may be wider than the page. */

import type { ReactNode } from "react";
import { Table } from "react-bootstrap";

interface Props {
  name: string; // for who does not see it
  heads: ReactNode;
  hover?: boolean;
  children: ReactNode;
}

export function WideTable({ name, heads, hover = false, children }: Props) {
  return (
    // What scrolls must be reached by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-responsive" role="region" aria-label={name} tabIndex={0}>
      <Table size="sm" hover={hover}>
        <thead>
          <tr>{heads}</tr>
        </thead>
        <tbody>{children}</tbody>
      </Table>
    </div>
  );
}

/** The heads of columns that cannot be sorted. */
export function Heads({ titles }: { titles: readonly string[] }) {
  return titles.map((title) => (
    <th key={title} scope="col">
      {title}
    </th>
  ));
}

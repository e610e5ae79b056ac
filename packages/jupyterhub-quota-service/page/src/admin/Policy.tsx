/** The policy as it is in force, and what is wrong with a newer file. */

import { Alert, Table } from "react-bootstrap";

import type { PolicyInForce } from "../api";
import { Notice, Waiting } from "../Notice";
import { useAnswer } from "../polling";

export function Policy() {
  const asked = useAnswer<PolicyInForce>("policy", { seconds: 60 });
  const policy = asked.answer;
  return (
    <>
      <Notice asked={{ ...asked, answer: null }} />
      {!policy && <Waiting asked={asked} />}
      {policy && (
        <>
          {!policy.valid && (
            <Messages
              variant="danger"
              title="The newest file is broken; an older version is in force."
              lines={policy.problems}
            />
          )}
          {policy.warnings.length > 0 && (
            <Messages variant="warning" title="This may be an accident:" lines={policy.warnings} />
          )}
          <p className="text-body-secondary">
            In force {policy.in_force_text} · version <code title={policy.digest}>{policy.digest.slice(0, 12)}</code>
          </p>
          <div className="row gx-lg-5">
            <section className="col-lg-7" aria-labelledby="gives">
              <h2 id="gives" className="h5">
                Who gets what
              </h2>
              <Table size="sm">
                <tbody>
                  {policy.groups.map((group) => (
                    <tr key={group.name ?? " default"}>
                      <th scope="row" className="fw-normal text-break quota-name">
                        {group.name === null ? <em>by default</em> : <bdi>{group.name}</bdi>}
                      </th>
                      <td>
                        {group.lines.map((line) => (
                          <div key={line}>{line}</div>
                        ))}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
              <p className="text-break">
                {policy.exempt.length > 0 ? <>Exempt: {policy.exempt.join(", ")}</> : "Nobody is exempt."}
              </p>
            </section>
            <section className="col-lg-5" aria-labelledby="rules">
              <h2 id="rules" className="h5">
                Rules
              </h2>
              <Table size="sm">
                <tbody>
                  {policy.rules.map((rule) => (
                    <tr key={rule.name}>
                      <th scope="row" className="fw-normal">
                        <code>{rule.name}</code>
                      </th>
                      <td className="text-break">{rule.text}</td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            </section>
          </div>
          <details className="mb-4">
            <summary>The document</summary>
            {/* What scrolls must be reached by keyboard. */}
            {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
            <pre className="border rounded p-3 mt-2" role="region" aria-label="The document" tabIndex={0}>
              {policy.text}
            </pre>
          </details>
        </>
      )}
    </>
  );
}

function Messages({ variant, title, lines }: { variant: string; title: string; lines: readonly string[] }) {
  return (
    <Alert variant={variant}>
      {title}
      <ul className="mb-0">
        {lines.map((line) => (
          <li key={line} className="text-break">
            {line}
          </li>
        ))}
      </ul>
    </Alert>
  );
}

/** What runs now, how long each size would run, and the servers from which the numbers come. */

import { useState } from "react";
import { Button, Table } from "react-bootstrap";

import type { Running, Sessions, Size } from "../api";
import { Notice, Waiting } from "../Notice";
import type { Asked } from "../polling";

const SHOWN = 10;

export function RunningNow({ running, home }: { running: readonly Running[]; home: string }) {
  return (
    <section className="mt-4" aria-labelledby="running">
      <h2 id="running" className="h5">
        Running now
      </h2>
      {running.length === 0 && <p className="mb-0">No server runs, so nothing is used at the moment.</p>}
      {running.map((server) => (
        <div
          key={`${server.server} ${server.start}`}
          className="d-flex flex-wrap gap-2 justify-content-between align-items-start border-bottom py-2"
        >
          <div>
            <p className="mb-0 text-break">
              <bdi className="fw-semibold quota-first">{server.server_text}</bdi>: {server.size_text},{" "}
              {server.since_text}
            </p>
            <p className="mb-0 text-body-secondary">
              {server.per_hour_text && <>Uses {server.per_hour_text}; </>}
              {server.lasts_text}
            </p>
          </div>
        </div>
      ))}
      {running.length > 0 && (
        <a href={home} className="btn btn-outline-contrast btn-sm mt-3">
          Stop servers…
        </a>
      )}
    </section>
  );
}

export function Sizes({ sizes }: { sizes: readonly Size[] }) {
  if (sizes.length === 0) {
    return null;
  }
  return (
    <section className="mt-4" aria-labelledby="sizes">
      <h2 id="sizes" className="h5">
        How long could I run a server?
      </h2>
      <Table size="sm" className="mb-0">
        <thead>
          <tr>
            <th scope="col">Size</th>
            <th scope="col">Runs for, if started now</th>
          </tr>
        </thead>
        <tbody>
          {sizes.map((size) => (
            <tr key={`${size.name} ${size.request_text}`}>
              <th scope="row" className="fw-normal text-break">
                <bdi>{size.name}</bdi>
                {size.request_text !== size.name && (
                  <span className="d-block small text-body-secondary">{size.request_text}</span>
                )}
              </th>
              <td>
                <span className={size.allowed ? "" : "fst-italic"}>{size.text}</span>
                {size.message && <span className="d-block small text-body-secondary text-break">{size.message}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </section>
  );
}

export function RecentServers({ asked, csv }: { asked: Asked<Sessions>; csv: string }) {
  const [shown, setShown] = useState(SHOWN);
  const sessions = asked.answer?.sessions;
  if (sessions?.length === 0 && !asked.answer?.known) {
    return null; // nothing is known, which the page has said
  }
  return (
    <section className="mt-4" aria-labelledby="sessions">
      <div className="d-flex flex-wrap justify-content-between gap-2 mb-2">
        <h2 id="sessions" className="h5 mb-0">
          Recent servers
        </h2>
        <a href={csv} download>
          Download as CSV
        </a>
      </div>
      {!sessions && <Waiting asked={asked} />}
      {!sessions && <Notice asked={asked} />}
      {sessions?.length === 0 && <p>No server ran in this time.</p>}
      {sessions && sessions.length > 0 && (
        <>
          <Table size="sm" className="mb-2">
            <thead>
              <tr>
                <th scope="col">Server</th>
                <th scope="col">From, to</th>
                <th scope="col">Counted</th>
              </tr>
            </thead>
            <tbody>
              {sessions.slice(0, shown).map((line) => (
                <tr key={`${line.server} ${line.start} ${line.size_text}`}>
                  <th scope="row" className="fw-normal text-break">
                    <bdi className="quota-first">{line.server_text}</bdi>
                    <span className="d-block small text-body-secondary">{line.size_text}</span>
                  </th>
                  <td>
                    <span className="d-block">{line.start_text}</span>
                    <span className="d-block">{line.end_text}</span>
                  </td>
                  <td>
                    {[
                      ...new Set(line.counted.filter((counted) => counted.amount > 0).map((counted) => counted.text)),
                    ].map((text) => (
                      <span key={text} className="d-block">
                        {text}
                      </span>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
          {sessions.length > shown && (
            <Button
              variant="outline-contrast"
              size="sm"
              onClick={() => {
                setShown(shown + 5 * SHOWN);
              }}
            >
              Show more of {sessions.length} servers
            </Button>
          )}
        </>
      )}
    </section>
  );
}

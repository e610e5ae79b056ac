/** Use per day, one upon the other, with the limit and what comes back: a picture, and the same as a table. */

import { useEffect, useId, useRef, useState } from "react";
import { Table } from "react-bootstrap";

import type { DaysOfResource, Return } from "../api";
import { type Bar, barsOf, named, reach } from "./bars";

const HEIGHT = 210;
const MARGIN = { top: 22, bottom: 24 };
const COMING = 14; // days
const NAME_WIDTH = 64; // pixels

interface Props {
  history: DaysOfResource;
  returns: readonly Return[];
}

export function DaysChart({ history, returns }: Props) {
  const [box, width] = useWidth();
  const [pointed, setPointed] = useState<Bar | null>(null);
  const id = useId();
  const bars = barsOf(history.days, returns, COMING);
  const today = history.days.at(-1);
  const label = `${history.title}: used day by day. ${today?.total_text ?? ""}`;
  return (
    <figure className="mb-0">
      <div ref={box} className="overflow-hidden">
        <svg
          width={width}
          height={HEIGHT}
          viewBox={`0 0 ${width} ${HEIGHT}`}
          role="img"
          aria-label={label}
          className="quota-chart d-block"
          onPointerLeave={() => {
            setPointed(null);
          }}
        >
          <defs>
            <pattern id={`${id}back`} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect width="6" height="6" className="quota-back-ground" />
              <rect width="2" height="6" className="quota-back-stripe" />
            </pattern>
          </defs>
          <Drawing bars={bars} history={history} width={width} back={`url(#${id}back)`} onPoint={setPointed} />
        </svg>
      </div>
      <figcaption className="small text-body-secondary">
        <span className="d-block text-body" style={{ minHeight: "1.6em" }}>
          {pointed && pointed.text !== "" && (
            <>
              {pointed.name}: {pointed.text} {pointed.kind === "used" ? "used" : "come back"}
            </>
          )}
        </span>
        <Key mark="quota-key-used">used on that day</Key>
        <Key mark="quota-key-before">counted from before</Key>
        {returns.length > 0 && <Key mark="quota-key-back">comes back on that day</Key>}
      </figcaption>
      <DaysTable history={history} returns={returns} />
    </figure>
  );
}

function Key({ mark, children }: { mark: string; children: string }) {
  return (
    <span className="d-inline-flex align-items-center me-3">
      <span className={`quota-key ${mark}`} aria-hidden="true" />
      {children}
    </span>
  );
}

interface DrawingProps {
  bars: Bar[];
  history: DaysOfResource;
  width: number;
  back: string;
  onPoint: (bar: Bar) => void;
}

function Drawing({ bars, history, width, back, onPoint }: DrawingProps) {
  const top = reach(bars, history.limit);
  const ground = HEIGHT - MARGIN.bottom;
  const y = (amount: number) => ground - (amount / top) * (ground - MARGIN.top);
  const slot = width / Math.max(1, bars.length);
  const gap = Math.min(2, slot / 4);
  const limit = history.limit !== null && history.limit > 0 && history.limit <= top ? y(history.limit) : null;
  const firstBack = bars.findIndex((bar) => bar.kind === "back");
  const names = new Set(named(bars, width, NAME_WIDTH));
  return (
    <>
      {firstBack > 0 && (
        <rect
          x={firstBack * slot}
          y={MARGIN.top - 6}
          width={width - firstBack * slot}
          height={ground - MARGIN.top + 6}
          className="quota-coming"
        />
      )}
      {bars.map((bar, index) => {
        const x = index * slot + gap / 2;
        const inner = Math.max(0.5, slot - gap);
        const high = bar.amount > 0 ? Math.max(1.5, y(bar.base) - y(bar.base + bar.amount)) : 0;
        return (
          <g
            key={`${bar.kind}${bar.date}`}
            onPointerEnter={() => {
              onPoint(bar);
            }}
          >
            <rect x={index * slot} y="0" width={slot} height={ground} fill="transparent" />
            <rect x={x} y={y(bar.base)} width={inner} height={ground - y(bar.base)} className="quota-before" />
            {high > 0 && (
              <rect
                x={x}
                y={y(bar.base) - high}
                width={inner}
                height={high}
                {...(bar.kind === "used" ? { className: "quota-used" } : { fill: back, className: "quota-back" })}
              />
            )}
            {names.has(bar) && (
              <text x={anchored(x + inner / 2, width)} y={HEIGHT - 7} textAnchor="middle">
                {bar.name}
              </text>
            )}
          </g>
        );
      })}
      <line x1="0" x2={width} y1={ground + 0.5} y2={ground + 0.5} className="quota-ground" />
      {limit === null ? (
        <text x="0" y="12">
          limit: {history.limit_text}
        </text>
      ) : (
        <>
          <line x1="0" x2={width} y1={limit} y2={limit} className="quota-limit" />
          <text x="0" y={limit - 6}>
            limit: {history.limit_text}
          </text>
        </>
      )}
    </>
  );
}

/** Keep the middle of a name so far from the edges that nothing is cut off. */
function anchored(x: number, width: number): number {
  return Math.min(Math.max(x, NAME_WIDTH / 2 - 8), width - NAME_WIDTH / 2 + 8);
}

function DaysTable({ history, returns }: Props) {
  const used = history.days.filter((day) => day.amount > 0).toReversed();
  const shared = used.some((day) => day.parts.length > 1);
  return (
    <details className="mt-2">
      <summary>{history.title}, as a table</summary>
      <Table size="sm" className="mt-2">
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col">Used</th>
            <th scope="col">Total by then</th>
          </tr>
        </thead>
        <tbody>
          {returns.map((day) => (
            <tr key={`back${day.date}`}>
              <th scope="row" className="fw-normal">
                {day.date_text}
              </th>
              <td colSpan={2}>{day.text} come back</td>
            </tr>
          ))}
          {used.map((day) => (
            <tr key={day.date}>
              <th scope="row" className="fw-normal">
                {day.date_text}
              </th>
              <td>
                {day.text}
                {shared && day.parts.length > 0 && (
                  <ul className="list-unstyled small text-body-secondary mb-0">
                    {day.parts.map((part) => (
                      <li key={part.server}>
                        <bdi className="text-break">{part.server_text}</bdi>: {part.text}
                      </li>
                    ))}
                  </ul>
                )}
              </td>
              <td>{day.total_text}</td>
            </tr>
          ))}
          {used.length + returns.length === 0 && (
            <tr>
              <td colSpan={3}>Nothing was used.</td>
            </tr>
          )}
        </tbody>
      </Table>
    </details>
  );
}

/** How wide the element is that takes the ref, as it changes. */
function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const element = box.current;
    if (!element) {
      return undefined;
    }
    const observer = new ResizeObserver(() => {
      setWidth(Math.max(120, Math.floor(element.clientWidth)));
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);
  return [box, width] as const;
}

/** Ask the service once or again and again, and keep the last answer when it does not answer. */

import { createContext, useCallback, useContext, useEffect, useRef, useState } from "react";

import type { Known, Problem } from "./api";

const DEADLINE_SECONDS = 30;
const SLOW_SECONDS = 4;
const SOONEST_SECONDS = 2;

/** Where the API is, and what proves that a request comes from this page. */
export interface Service {
  prefix: string;
  xsrf: string;
}

export const ServiceContext = createContext<Service>({ prefix: "./", xsrf: "" });

/** That the service did not answer as hoped: a sentence, and whether signing in anew would help. */
export class ServiceError extends Error {
  constructor(
    message: string,
    readonly signIn = false,
  ) {
    super(message);
  }
}

/** Fetch `api/PATH`, or throw a `ServiceError`. */
async function fetchAnswer<T>(service: Service, path: string, signal?: AbortSignal): Promise<T> {
  const deadline = AbortSignal.timeout(DEADLINE_SECONDS * 1000);
  let response: Response;
  try {
    response = await fetch(`${service.prefix}api/${path}`, {
      headers: { Accept: "application/json", "X-XSRFToken": service.xsrf },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }
    throw new ServiceError("The service did not answer. This page asks again in a minute.");
  }
  if (response.ok) {
    return (await response.json()) as T;
  }
  if (response.status === 401) {
    throw new ServiceError("You are signed out.", true);
  }
  const body = (await response.json().catch(() => null)) as Partial<Problem> | null;
  const message = body?.message ?? "The service could not answer. Please try again in a few minutes.";
  throw new ServiceError(body?.reference ? `${message} (reference ${body.reference})` : message);
}

/** After how many seconds the service says that it is worth asking again. */
function retryOf(answer: unknown): number | null {
  const seconds = (answer as Partial<Known> | null)?.retry_seconds;
  return typeof seconds === "number" ? seconds : null;
}

/** What is known of an answer: the last one, what is wrong with asking, and whether the next is under way. */
export interface Asked<T> {
  answer: T | null;
  problem: ServiceError | null;
  asking: boolean;
  slow: boolean;
  again: () => void;
}

/**
 * Ask for `api/PATH` when the page comes up, and every so many seconds while it is looked at.
 *
 * @param path what to ask for; null asks for nothing. While another path is asked for, the last answer stays.
 * @param first an answer that is there already.
 * @param seconds how often; 0 is once.
 */
export function useAnswer<T>(path: string | null, { first = null as T | null, seconds = 0 } = {}): Asked<T> {
  const service = useContext(ServiceContext);
  const [state, setState] = useState({ answer: first, problem: null as ServiceError | null, asking: first === null });
  const [slow, setSlow] = useState(false);
  const [round, setRound] = useState(0);
  const answered = useRef(first !== null);
  const again = useCallback(() => {
    setRound((before) => before + 1);
  }, []);

  useEffect(() => {
    if (path === null || answered.current) {
      answered.current = false; // only what is asked for next is not there already
      return undefined;
    }
    const stop = new AbortController();
    const patience = setTimeout(() => {
      setSlow(true);
    }, SLOW_SECONDS * 1000);
    const done = () => {
      clearTimeout(patience);
      setSlow(false);
    };
    const ask = async () => {
      setState((before) => ({ ...before, asking: true }));
      try {
        const answer = await fetchAnswer<T>(service, path, stop.signal);
        setState({ answer, problem: null, asking: false });
      } catch (error) {
        if (stop.signal.aborted) {
          return;
        }
        const problem = error instanceof ServiceError ? error : new ServiceError("The answer could not be read.");
        setState((before) => ({ ...before, problem, asking: false }));
      }
      done();
    };
    void ask();
    return () => {
      stop.abort();
      done();
    };
  }, [service, path, round]);

  const soon = retryOf(state.answer);
  useEffect(() => {
    if (soon === null || state.asking) {
      return undefined;
    }
    const timer = setTimeout(again, Math.max(SOONEST_SECONDS, soon) * 1000);
    return () => {
      clearTimeout(timer);
    };
  }, [soon, state, again]);

  useEffect(() => {
    if (seconds === 0) {
      return undefined;
    }
    // Not all pages of a course that sits down together should ask in the same second.
    const period = seconds * 1000 * (0.95 + 0.1 * Math.random());
    let last = Date.now();
    const look = () => {
      if (!document.hidden && Date.now() - last >= period * 0.9) {
        last = Date.now();
        again();
      }
    };
    const timer = setInterval(look, period);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [seconds, again]);

  return { ...state, slow, again };
}

/** Put the page over the figures that the service has written into the HTML. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { AdminPage } from "./admin/AdminPage";
import type { Me, Users } from "./api";
import rules from "./page.css?inline";
import { ServiceContext } from "./polling";
import { OwnPage } from "./user/OwnPage";

/** Return the answer that came with the HTML, or nothing where it cannot be read. */
function firstAnswer(id: string): unknown {
  try {
    return JSON.parse(document.getElementById(id)?.textContent ?? "null");
  } catch {
    return null;
  }
}

const root = document.getElementById("root");
if (root) {
  // The hub's style sheet does nearly all; what little is added needs no request of its own.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  document.adoptedStyleSheets.push(sheet);

  const { page, prefix, xsrf } = root.dataset;
  const service = { prefix: prefix ?? "./", xsrf: xsrf ?? "" };
  createRoot(root).render(
    <StrictMode>
      <ServiceContext value={service}>
        {page === "admin" ? (
          <AdminPage first={firstAnswer("users") as Users | null} />
        ) : (
          <OwnPage first={firstAnswer("me") as Me | null} />
        )}
      </ServiceContext>
    </StrictMode>,
  );
}

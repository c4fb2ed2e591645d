/** Requests to the dashboard, with a prompt for the operator token where it is needed. */

import { byId, setText } from "./dom.js";

/** A refused request; the message is the detail of the problem document. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `Unexpected response: ${status}.`);
    this.status = status;
  }
}

export async function ask(method, path, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused(0, { detail: "The dashboard does not respond." });
  }
  const document = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, document);
  return document;
}

/** Sends a request for operators; asks for the token if the dashboard requires it. */
export async function operate(method, path, body) {
  try {
    return await ask(method, path, body);
  } catch (error) {
    if (error.status !== 401 || !(await askForToken())) throw error;
    return ask(method, path, body);
  }
}

/** True once a valid token was entered; false if the dialog was cancelled. */
function askForToken() {
  const dialog = byId("token");
  const text = byId("token-text");
  setText(byId("token-wrong"), "");
  text.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    byId("token-form").onsubmit = async (event) => {
      event.preventDefault();
      try {
        await ask("POST", "/api/session", { token: text.value });
        text.value = "";
        resolve(true);
        dialog.close();
      } catch (error) {
        setText(byId("token-wrong"), error.message);
        text.select();
      }
    };
    byId("token-cancel").onclick = () => dialog.close();
    dialog.onclose = () => resolve(false);
  });
}

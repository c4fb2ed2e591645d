/** Questions to the dashboard, and the operators' token where one is needed. */

import { byId, say } from "./dom.js";

/** What a service refused, in its own words. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `It answers ${status}.`);
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
    throw new Refused(0, { detail: "The dashboard does not answer." });
  }
  const document = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, document);
  return document;
}

/** The same for operators: asks the person for the token when the dashboard wants it. */
export async function operate(method, path, body) {
  try {
    return await ask(method, path, body);
  } catch (error) {
    if (error.status !== 401 || !(await askForToken())) throw error;
    return ask(method, path, body);
  }
}

/** True once the token was right; false when the person thought better of it. */
function askForToken() {
  const dialog = byId("token");
  const text = byId("token-text");
  say(byId("token-wrong"), "");
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
        say(byId("token-wrong"), error.message);
        text.select();
      }
    };
    byId("token-cancel").onclick = () => dialog.close();
    dialog.onclose = () => resolve(false);
  });
}

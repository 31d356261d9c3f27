// In place of figures where the collector asks for a token.

import type { ApiError } from "../api/client";
import { h, type VNode } from "../dom";
import type { Text } from "../text";

export function signIn({ t }: Text, refusal: ApiError, enter: (token: string) => void): VNode {
  const submit = (event: Event): void => {
    event.preventDefault();
    const field = (event.target as HTMLFormElement).elements.namedItem("token") as HTMLInputElement;
    const token = field.value.trim();
    field.value = "";
    if (token !== "") enter(token);
  };
  const fault = refusal.title === "token-needed" ? null : (t.errors[refusal.title] ?? null);
  return h(
    "section",
    { class: "notice sign-in" },
    h("h1", { tabindex: -1 }, t.signInTitle),
    h("p", {}, t.signInText),
    h(
      "form",
      { on: { submit } },
      h("label", { for: "token" }, t.signInLabel),
      h("input", {
        id: "token",
        name: "token",
        type: "password",
        required: true,
        autocomplete: "off",
        autocapitalize: "none",
        spellcheck: "false",
        "aria-invalid": String(fault !== null),
        "aria-describedby": "token-help",
        mounted: (field) => (field as HTMLElement).focus(),
      }),
      h("button", { type: "submit", class: "button" }, t.signIn),
    ),
    h("p", { class: "sign-in-fault", role: "alert" }, fault),
    h("p", { id: "token-help", class: "sub" }, t.signInKept),
  );
}

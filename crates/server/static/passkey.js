"use strict";

// What WebAuthn gives and takes are bytes; what the node gives and takes is base64url.
const fromText = (text) => {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0)).buffer;
};
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const withBytes = (known) => (known || []).map((one) => ({ ...one, id: fromText(one.id) }));

const byId = (id) => document.getElementById(id);
const show = (id, shown) => { byId(id).hidden = !shown; };

const ask = async (path, what) => {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(what) });
  const said = await answer.json();
  if (!answer.ok) {
    throw new Error(said.hint ? `${said.error}: ${said.hint}` : said.error);
  }
  return said;
};

const tell = (error) => {
  // A browser says little of what went wrong, so that pages learn nothing.
  const cancelled = error.name === "NotAllowedError";
  byId("fault").textContent = cancelled ? "The passkey was not used, or took too long." : error.message;
  show("fault", true);
};

const attempt = async (button, work) => {
  show("fault", false);
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    tell(error);
  } finally {
    button.disabled = false;
  }
};

const on = (id, event, work) => {
  const element = byId(id);
  if (!element) {
    return;
  }
  element.addEventListener(event, (happened) => {
    happened.preventDefault();
    const button = element.matches("button") ? element : element.querySelector("button");
    attempt(button, () => work(element));
  });
};

const makePasskey = async (id, name) => {
  const { options } = await ask("/welcome/passkey/begin", { id });
  const wanted = options.publicKey;
  wanted.challenge = fromText(wanted.challenge);
  wanted.user.id = fromText(wanted.user.id);
  wanted.excludeCredentials = withBytes(wanted.excludeCredentials);
  const made = await navigator.credentials.create({ publicKey: wanted });
  const answer = {
    id: made.id,
    rawId: toText(made.rawId),
    type: made.type,
    extensions: made.getClientExtensionResults(),
    response: {
      attestationObject: toText(made.response.attestationObject),
      clientDataJSON: toText(made.response.clientDataJSON),
    },
  };
  return ask("/welcome/passkey", { id, answer, name });
};

const signIn = async (next) => {
  const { id, options } = await ask("/sign-in/passkey/begin", {});
  const wanted = options.publicKey;
  wanted.challenge = fromText(wanted.challenge);
  wanted.allowCredentials = withBytes(wanted.allowCredentials);
  const shown = await navigator.credentials.get({ publicKey: wanted });
  const answer = {
    id: shown.id,
    rawId: toText(shown.rawId),
    type: shown.type,
    extensions: shown.getClientExtensionResults(),
    response: {
      authenticatorData: toText(shown.response.authenticatorData),
      clientDataJSON: toText(shown.response.clientDataJSON),
      signature: toText(shown.response.signature),
      userHandle: shown.response.userHandle ? toText(shown.response.userHandle) : null,
    },
  };
  const led = await ask("/sign-in/passkey", { id, answer, next });
  location.assign(led.next);
};

// The page to sign in.
on("passkey", "click", () => signIn(byId("sign-in").dataset.next));

on("provider", "click", async () => {
  const { to } = await ask("/sign-in/provider/begin", { next: byId("sign-in").dataset.next });
  location.assign(to);
});

// The first page.
on("add", "click", async () => {
  const { id } = await ask("/welcome/add", {});
  await makePasskey(id, "another passkey");
  location.reload();
});

on("add-provider", "click", async () => {
  const { id } = await ask("/welcome/add", {});
  const { to } = await ask("/welcome/provider/begin", { id });
  location.assign(to);
});

// The page that sets a way to sign in.
let offer = null;

const choose = (offered) => {
  offer = offered;
  byId("who").textContent = offered.name;
  if (byId("whose")) {
    byId("whose").textContent = offered.name;
  }
  byId("with-password").elements.username.value = offered.name;
  byId("picture").src = offered.picture;
  byId("secret").textContent = offered.secret;
  show("recover", false);
  show("choose", true);
};

const done = ({ recovery }) => {
  show("choose", false);
  show("done", true);
  show("recovery", recovery.length > 0);
  for (const code of recovery) {
    const line = document.createElement("li");
    line.textContent = code;
    byId("codes").append(line);
  }
};

on("recover", "submit", async (form) => {
  choose(await ask("/welcome/recover", { name: form.elements.name.value, code: form.elements.code.value }));
});
on("with-passkey", "submit", async (form) => {
  done(await makePasskey(offer.id, form.elements.name.value));
});
on("with-provider", "submit", async () => {
  const { to } = await ask("/welcome/provider/begin", { id: offer.id });
  location.assign(to);
});
on("with-password", "submit", async (form) => {
  const { password, code } = form.elements;
  done(await ask("/welcome/password", { id: offer.id, password: password.value, code: code.value }));
});

if (byId("welcome")) {
  const link = location.hash.slice(1);
  // What stands in the address stays in the history.
  history.replaceState(null, "", location.pathname);
  if (link) {
    ask("/welcome/open", { link }).then(choose, tell);
  } else {
    show("recover", true);
  }
}

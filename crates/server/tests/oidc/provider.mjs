// An identity provider for tests: oidc-provider, with one client, people who sign in as they are told to, and no pages.
//
// node provider.mjs REDIRECT_URI MODULES: prints its issuer, and ends when its input does.
// POST /be with {"sub", "groups", "acr", "amr"} says who signs in next, and how.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [redirect, modules] = process.argv.slice(2);
const found = createRequire(pathToFileURL(`${modules}/`)).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(found));

let person = {};
const groups = new Map();

const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://localhost:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: "cordon",
    client_secret: "of-a-test",
    redirect_uris: [redirect],
    application_type: "native",
    grant_types: ["authorization_code"],
    response_types: ["code"],
  }],
  acrValues: ["phr", "one"],
  scopes: ["openid", "groups"],
  claims: { openid: ["sub", "acr", "amr"], groups: ["groups"] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, groups: groups.get(id) }) }),
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid groups");
    await grant.save();
    return grant;
  },
});

const asked = async (request) => {
  let text = "";
  for await (const part of request) text += part;
  return JSON.parse(text);
};

const answers = provider.callback();
const answer = async (request, response) => {
  if (request.url === "/be") {
    person = await asked(request);
    groups.set(person.sub, person.groups);
    response.end();
  } else if (request.url.startsWith("/interaction/")) {
    const { prompt } = await provider.interactionDetails(request, response);
    const { sub: accountId, acr, amr } = person;
    const login = { accountId, acr, amr, remember: true };
    const result = prompt.name === "login" ? { login } : { consent: {} };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  } else {
    answers(request, response);
  }
};
server.on("request", (request, response) => {
  answer(request, response).catch((error) => response.writeHead(500).end(error.message));
});

console.log(issuer);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

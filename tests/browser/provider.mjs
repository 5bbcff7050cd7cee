// A certified OpenID provider with a sign-in form that asks for a name alone. It runs in a process of its own, so that it can
// go away and come back with other keys while the portal goes on.

import { exportJWK, generateKeyPair } from "jose";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const { ISSUER, PORTAL, CLIENT_ID, CLIENT_SECRET } = process.env;
const groups = new Map();
process.on("message", ([name, theirs]) => groups.set(name, theirs));

async function newKey() {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: "RS256", use: "sig", kid: crypto.randomUUID() };
}

const page = (body) => `<!doctype html><html lang="en"><title>Provider</title><link rel="icon" href="data:,">${body}`;

const provider = new Provider(ISSUER, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [`${PORTAL}/sign-in/oidc/callback`],
      post_logout_redirect_uris: [`${PORTAL}/`],
    },
  ],
  jwks: { keys: [await newKey()] },
  cookies: { keys: [crypto.randomUUID()] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
  // As Entra ID, Keycloak and Google do: what was asked for stands in the ID token.
  conformIdTokenClaims: false,
  findAccount: (_, name) => ({
    accountId: name,
    claims: () => ({ sub: name, email: `${name}@example.org`, email_verified: true, groups: groups.get(name) ?? [] }),
  }),
  // Nobody is asked whether the portal may know who they are.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid email profile groups");
    await grant.save();
    return grant;
  },
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: {
      logoutSource: (ctx, form) => (ctx.body = page(`${form}<button form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`)),
    },
  },
});

const answer = provider.callback();

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, ISSUER);
  if (!pathname.startsWith("/interaction/")) return answer(request, response);
  const name = searchParams.get("name");
  if (name) return provider.interactionFinished(request, response, { login: { accountId: name } });
  response.setHeader("Content-Type", "text/html");
  response.end(page(`<form><label>Name <input name="name"></label><button>Continue</button></form>`));
}).listen(new URL(ISSUER).port, "127.0.0.1", () => process.send("listening"));

// The organisation's identity provider, and a portal that trusts it.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { expect, expectList, test as base } from "./service";
import type { Page } from "@playwright/test";

const CLIENT_ID = "restricted-users";
const CLIENT_SECRET = "what the provider gave us";

export const test = base.extend<{ provider: Provider }>({
  provider: async ({}, use) => {
    const provider = new Provider(await freePort(), await freePort());
    await provider.start();
    await use(provider);
    await provider.stop();
  },
  settings: async ({ provider }, use) => use(provider.settings),
});

export class Provider {
  private process?: ChildProcess;
  private groups = new Map<string, string[]>();

  constructor(
    private readonly port: number,
    private readonly portalPort: number,
  ) {}

  /** `127.0.0.1` beside the portal's `localhost`: to a browser two sites. */
  private get issuer() {
    return `http://127.0.0.1:${this.port}`;
  }

  get settings(): Record<string, string> {
    return {
      RESTRICTED_USERS_LISTEN: `127.0.0.1:${this.portalPort}`,
      RESTRICTED_USERS_OIDC_ISSUER: this.issuer,
      RESTRICTED_USERS_OIDC_CLIENT_ID: CLIENT_ID,
      RESTRICTED_USERS_OIDC_CLIENT_SECRET: CLIENT_SECRET,
      RESTRICTED_USERS_OIDC_ROLE_CLAIM: "groups",
      RESTRICTED_USERS_OIDC_ROLE_MAP: "admins=Organization Management,desk=Security Reader",
    };
  }

  /** Starts it, with new keys, and with nobody signed in. */
  async start(): Promise<void> {
    const portal = `http://localhost:${this.portalPort}`;
    const env = { ...process.env, ISSUER: this.issuer, PORTAL: portal, CLIENT_ID, CLIENT_SECRET };
    // It warns that it was not told about Node 20, and that its accounts are gone with it.
    this.process = fork(path.join(__dirname, "provider.mjs"), { env, silent: true });
    let log = "";
    this.process.stderr!.on("data", (text) => (log += text));
    const ended = once(this.process, "exit").then(() => Promise.reject(new Error(`the provider ended: ${log}`)));
    await Promise.race([once(this.process, "message"), ended]);
    ended.catch(() => {});
    for (const member of this.groups) this.process.send(member);
  }

  async stop(): Promise<void> {
    const ended = once(this.process!, "exit");
    this.process!.kill();
    await ended;
  }

  /** Puts somebody into these groups and no others. */
  puts(name: string, ...groups: string[]): void {
    this.groups.set(name, groups);
    this.process!.send([name, groups]);
  }
}

export const signInButton = (page: Page) => page.getByRole("link", { name: "Sign in with Example Org" });

/** Says at the provider who one is. */
export async function identify(page: Page, name: string): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Continue" }).click();
}

/** The whole round trip, up to the list. */
export async function signInAs(page: Page, name: string): Promise<void> {
  await page.goto("/");
  await signInButton(page).click();
  await identify(page, name);
  await expectList(page);
}

export async function openAccount(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Your account" }).click();
}

/** Signs out of the portal, and at the provider where that leads on to. */
export async function signOutEverywhere(page: Page): Promise<void> {
  await openAccount(page);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await expect(signInButton(page)).toBeVisible();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}


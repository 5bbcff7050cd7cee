import type { CDPSession, Page } from "@playwright/test";
import { codeOf } from "./codes";
import { ALICE, BLOCKED_SENDERS, enterPassword, expect, expectList, openLink, OPERATOR, PASSWORD, test } from "./service";

const NEW_PASSWORD = "velvet canyon tall lamp";

test.use({ provokes: [403, 422] });

/** Signs out and gives the password, which is only the first step. */
async function comeBack(page: Page, password = PASSWORD): Promise<void> {
  await page.context().clearCookies();
  await page.reload();
  await enterPassword(page, password);
}

async function openAccount(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Your account" }).click();
  await page.getByRole("link", { name: "Your account" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Your account" })).toBeVisible();
}

/** Opens the fold whose button is `name`, gives the password and goes on. */
async function confirm(page: Page, name: string, go: string): Promise<void> {
  const fold = page.locator("details").filter({ has: page.locator("summary", { hasText: name }) });
  await fold.locator("summary").click();
  await fold.getByLabel("Your password").fill(PASSWORD);
  await fold.getByRole("button", { name: go }).click();
}

/** Sets one-time codes up; the key and the recovery codes. */
async function turnCodesOn(page: Page): Promise<{ key: string; recoveryCodes: string[] }> {
  await confirm(page, "Set up one-time codes", "Show the QR code");
  const field = page.getByLabel("Code of the app");
  await expect(field).toBeFocused();
  const key = await page.locator("#key").innerText();
  await field.fill(codeOf(key));
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.getByRole("heading", { name: "Keep these recovery codes" })).toBeFocused();
  const recoveryCodes = (await page.locator("#fresh-codes").innerText()).trim().split("\n");
  return { key, recoveryCodes };
}

/** A laptop with a fingerprint reader, and its owner. */
async function addAuthenticator(page: Page): Promise<{ cdp: CDPSession; id: string }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  return { cdp, id: authenticatorId };
}

async function addPasskey(page: Page, name: string): Promise<void> {
  await page.locator("summary", { hasText: "Add a passkey" }).click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.locator("#passkey-password").fill(PASSWORD);
  await page.getByRole("button", { name: "Add passkey" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: name })).toContainText("not used yet");
}

test("one-time codes: set up with the key, then asked after the password, and the page asked for is kept", async ({ page, service }) => {
  await service.signUp(page);
  await service.cli("import", BLOCKED_SENDERS);
  await expect(page.getByText("has a password alone")).toBeVisible();
  await openAccount(page);
  const { key } = await turnCodesOn(page);
  await expect(page.getByText("has a password alone")).toBeHidden();

  await openLink(page, `/#/restrictedusers/${ALICE}`);
  await comeBack(page);
  const code = page.getByLabel("Code of your authenticator app");
  await expect(code).toBeFocused();
  await code.fill("000000");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("alert").filter({ hasText: "This code is not good" })).toBeVisible();
  await code.fill(codeOf(key, 1));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: ALICE })).toBeVisible();
});

test("a recovery code gets in when the phone is lost, and the page counts it", async ({ page, service }) => {
  await service.signUp(page);
  await openAccount(page);
  const { recoveryCodes } = await turnCodesOn(page);
  expect(recoveryCodes).toHaveLength(10);

  await comeBack(page);
  await page.getByText("Use a recovery code").click();
  await page.getByLabel("Recovery code").fill(recoveryCodes[3]!);
  await page.getByRole("button", { name: "Sign in with it" }).click();
  await expect(page.getByText("9 of 10 left")).toBeVisible();

  await confirm(page, "Make new ones", "Make new recovery codes");
  await expect(page.getByText("10 of 10 left")).toBeVisible();
  await confirm(page, "Remove one-time codes", "Remove one-time codes");
  await expect(page.getByText("left", { exact: false }).filter({ hasText: "of 10" })).toHaveCount(0);
});

test("a passkey signs in alone, and after the password; a removed one does not", async ({ page, service }) => {
  await service.signUp(page);
  await addAuthenticator(page);
  await openAccount(page);
  await addPasskey(page, "Work laptop");
  await expect(page.getByRole("heading", { name: "Keep these recovery codes" })).toBeFocused();

  await openLink(page, "/#/account");
  await page.context().clearCookies();
  await page.reload();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: "Work laptop" })).toContainText("used just now");

  await comeBack(page);
  await expect(page.getByRole("heading", { name: "One more step" })).toBeVisible();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Your account" })).toBeVisible();

  await confirm(page, "Remove the passkey Work laptop", "Remove passkey");
  await expect(page.getByText("Work laptop")).toHaveCount(0);
  await page.context().clearCookies();
  await page.reload();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "This passkey is not good here" })).toBeVisible();
  await enterPassword(page, PASSWORD);
});

test("a finger that is not the owner's, a wrong password and a device that is known already add and open nothing", async ({ page, service }) => {
  await service.signUp(page);
  const { cdp, id } = await addAuthenticator(page);
  await openAccount(page);
  await addPasskey(page, "Work laptop");

  await page.locator("summary", { hasText: "Add a passkey" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Another");
  await page.locator("#passkey-password").fill("not the password");
  await page.getByRole("button", { name: "Add passkey" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "This is not your password" })).toBeVisible();
  await expect(page.locator("#passkey-password")).toBeFocused();
  await page.locator("#passkey-password").fill(PASSWORD);
  await page.getByRole("button", { name: "Add passkey" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "has a passkey for your account already" })).toBeVisible();

  await cdp.send("WebAuthn.setUserVerified", { authenticatorId: id, isUserVerified: false });
  await page.context().clearCookies();
  await page.reload();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "No passkey was used" })).toBeVisible();
});

test("under another address than its own the portal says why there are no passkeys", async ({ page, service }) => {
  await addAuthenticator(page);
  await page.goto(service.url.replace("localhost", "127.0.0.1"));
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Passkeys belong to the address of the portal" })).toBeVisible();
});

test("a new password ends the other sessions, which the page lists", async ({ page, service, browser }) => {
  await service.signUp(page);
  const elsewhere = await (await browser.newContext({ baseURL: service.url })).newPage();
  await elsewhere.goto("/");
  await enterPassword(elsewhere, PASSWORD);
  await expectList(elsewhere);

  await openAccount(page);
  const sessions = page.getByRole("region", { name: "Where you are signed in" });
  await expect(sessions.getByRole("listitem")).toHaveCount(2);
  await expect(sessions.getByRole("listitem").filter({ hasText: "this session" })).toContainText("Chrome on Linux");
  await confirm(page, "End the session of Chrome on Linux", "End session");
  await expect(sessions.getByRole("listitem")).toHaveCount(1);
  await elsewhere.reload();
  await enterPassword(elsewhere, PASSWORD);
  await expectList(elsewhere);
  await page.reload();
  await expect(sessions.getByRole("listitem")).toHaveCount(2);

  await page.getByLabel("Your password now").fill(PASSWORD);
  await page.getByLabel("New password").fill("password1234");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "tried first" })).toBeVisible();
  await page.getByLabel("New password").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password is changed.")).toBeVisible();
  await expect(sessions.getByRole("listitem")).toHaveCount(1);
  await elsewhere.reload();
  await expect(elsewhere.getByRole("button", { name: "Sign in" })).toBeVisible();
  await elsewhere.context().close();
  await comeBack(page, NEW_PASSWORD);
  await expect(page.getByRole("heading", { level: 1, name: "Your account" })).toBeVisible();
});

test.describe("where a second factor is required", () => {
  test.use({ settings: { RESTRICTED_USERS_REQUIRE_MFA: "true" } });

  test("a new operator adds one before anything else, and then sees the page asked for", async ({ page, service }) => {
    await page.goto(service.link);
    await page.getByLabel("Your address").fill(OPERATOR);
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Set password" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Add a second factor" })).toBeVisible();
    await expect(page.getByRole("navigation")).toHaveCount(0);

    await turnCodesOn(page);
    await page.getByRole("button", { name: "Go on to the portal" }).click();
    await expectList(page);
  });
});

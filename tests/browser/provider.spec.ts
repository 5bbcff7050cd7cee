import { expectNoViolation } from "./accessibility";
import { identify, openAccount, signInAs, signInButton, signOutEverywhere, test } from "./provider";
import { ALICE, BLOCKED_SENDERS, expect, expectList, OPERATOR } from "./service";

const permissions = { name: "Permissions" };
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

test("who signs in at the provider arrives at the page that was asked for, as an operator of the claim's role group", async ({ page, provider, service }) => {
  await service.cli("import", BLOCKED_SENDERS);
  provider.puts("olivia", "staff", "desk", "admins");

  await page.goto(`/#/restrictedusers/${ALICE}`);
  await signInButton(page).click();
  await identify(page, "olivia");

  await expect(page.getByRole("heading", { level: 1, name: ALICE })).toBeVisible();
  await expect(page).toHaveURL(`/#/restrictedusers/${ALICE}`);
  await openAccount(page);
  await expect(page.getByText("Organization Management")).toBeVisible();
  expect(await service.cli("operator", "list")).toContain(OPERATOR);
});

test("the role group changes with the claim at the next sign-in", async ({ page, provider }) => {
  provider.puts("olivia", "admins");
  await signInAs(page, "olivia");
  await expect(page.getByRole("link", permissions)).toBeVisible();
  await signOutEverywhere(page);

  provider.puts("olivia", "desk");
  await signInAs(page, "olivia");
  await expect(page.getByRole("link", permissions)).toHaveCount(0);
  await openAccount(page);
  await expect(page.getByText("Security Reader")).toBeVisible();
});

test("signing out ends the session at the provider too, which asks again who one is", async ({ page, provider }) => {
  provider.puts("olivia", "desk");
  provider.puts("peter", "desk");
  await signInAs(page, "olivia");
  await signOutEverywhere(page);
  await signInAs(page, "peter");
  await openAccount(page);
  await expect(page.getByText("peter@example.org").last()).toBeVisible();
});

test("the provider changes its keys, and the portal goes on", async ({ page, provider }) => {
  provider.puts("olivia", "desk");
  await signInAs(page, "olivia");
  await signOutEverywhere(page);
  await provider.stop();
  await provider.start();

  // For some seconds the portal does not ask for keys again.
  await expect(async () => {
    await page.goto("/");
    await signInButton(page).click();
    const again = page.getByLabel("Name");
    if (await again.isVisible()) await identify(page, "olivia");
    await expectList(page);
  }).toPass({ timeout: 30_000, intervals: [1_000] });
});

test.describe("who is not let in", () => {
  test.use({ provokes: [403, 503] });

  test("is told which claim gives no role group, and arrives at the page that was asked for once there is one", async ({ page, provider, service }) => {
    await service.cli("import", BLOCKED_SENDERS);
    provider.puts("sally", "sales");
    await page.goto(`/#/restrictedusers/${ALICE}`);
    await signInButton(page).click();
    await identify(page, "sally");
    await expect(page.getByRole("alert").filter({ hasText: "The claim “groups” of your account holds “sales”" })).toBeVisible();

    provider.puts("sally", "desk");
    await signInButton(page).click();
    await expect(page.getByRole("heading", { level: 1, name: ALICE })).toBeVisible();
  });

  test("is told that the provider does not answer, and signs in with a password", async ({ page, provider, service }) => {
    await provider.stop();
    await service.signUp(page);
    await openAccount(page);
    await page.getByRole("button", { name: "Sign out" }).click();

    await signInButton(page).click();
    await expect(page.getByRole("alert").filter({ hasText: "does not answer" })).toBeVisible();
    await service.signIn(page);
    await provider.start();
  });

  test("comes back once removed and added again", async ({ page, provider, service }) => {
    provider.puts("olivia", "desk");
    await signInAs(page, "olivia");
    await service.cli("operator", "remove", OPERATOR);
    await page.reload();
    await signInButton(page).click();
    await expect(page.getByRole("alert").filter({ hasText: "Your operator was removed here." })).toBeVisible();

    await service.cli("operator", "add", OPERATOR, "--role", "global-reader");
    await page.goto("/");
    await signInButton(page).click();
    await expectList(page);
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`axe finds nothing, in ${colorScheme}`, () => {
    test.use({ provokes: [403, 503], colorScheme });

    test("on the sign-in with a provider, its refusals, the way out and Permissions", async ({ page, provider }) => {
      const signOutAtProvider = "**/session/end?**";
      provider.puts("sally", "sales");
      await page.goto("/");
      for (const viewport of [DESKTOP, PHONE]) {
        await page.setViewportSize(viewport);
        await expectNoViolation(page, "sign-in");
      }
      await signInButton(page).click();
      await identify(page, "sally");
      await expect(page.getByText("none of it gives a role group here")).toBeVisible();
      await expectNoViolation(page, "no role group");

      provider.puts("sally", "admins");
      await signInButton(page).click();
      await expectList(page);
      await page.goto("/#/permissions");
      await expect(page.getByRole("cell", { name: "Identity provider" })).toBeVisible();
      await expectNoViolation(page, "permissions");
      await page.getByRole("link", { name: "Change the role group" }).click();
      await expect(page.getByRole("dialog")).toContainText("This is you.");
      await expectNoViolation(page, "change role");
      await page.keyboard.press("Escape");

      await page.route(signOutAtProvider, (route) => route.fulfill({ status: 204 })); // so that the browser stays
      await openAccount(page);
      await page.getByRole("button", { name: "Sign out" }).click();
      await expect(page.getByRole("heading", { name: "Signed out" })).toBeVisible();
      await expectNoViolation(page, "signed out");

      await provider.stop();
      // For some seconds the portal believes what the provider said last.
      await expect(async () => {
        await page.goto("/sign-in/oidc");
        await expect(page.getByText("does not answer")).toBeVisible({ timeout: 1_000 });
      }).toPass({ timeout: 20_000, intervals: [1_000] });
      await expectNoViolation(page, "provider away");
      await provider.start();
    });
  });
}

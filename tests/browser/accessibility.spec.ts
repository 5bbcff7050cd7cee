import { request } from "@playwright/test";
import { expectNoViolation } from "./accessibility";
import { codeOf } from "./codes";
import { ALICE, answer, BLOCKED_SENDERS, enterPassword, expect, openLink, openUser, OPERATOR, PASSWORD, row, test, unblockOf } from "./service";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

test.use({ propagationDelay: "30m", provokes: [404] });

for (const colorScheme of ["light", "dark"] as const) {
  for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    test.describe(`${colorScheme}, on a ${device}`, () => {
      test.use({ viewport });

      test("axe finds nothing on the API's description", async ({ page }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.goto("/api/docs");
        await expect(page.getByRole("heading", { name: "Unblock a user" })).toBeVisible();
        await expectNoViolation(page, "the API's description");
      });

      test("axe finds nothing on any page", async ({ page, service }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });

        await page.goto(service.link);
        await expect(page.getByLabel("Your address")).toBeVisible();
        await expectNoViolation(page, "welcome");

        await service.signUp(page);
        await expect(page.getByText("Nobody is restricted")).toBeVisible();
        await expectNoViolation(page, "empty list");

        await page.context().clearCookies();
        await page.reload();
        await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
        await expectNoViolation(page, "sign-in");

        await enterPassword(page, "not the password");
        await expect(page.getByText("do not go together")).toBeVisible();
        await expectNoViolation(page, "sign-in, refused");

        await service.cli("import", BLOCKED_SENDERS);
        await service.signIn(page);
        await expect(row(page, ALICE)).toBeVisible();
        await expectNoViolation(page, "list");

        await page.getByRole("link", { name: "Restrict a user" }).click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await expectNoViolation(page, "restrict dialog");
        await page.keyboard.press("Escape");

        await unblockOf(page, ALICE).click();
        await expect(page.getByRole("button", { name: "Next" })).toBeVisible();
        await expectNoViolation(page, "unblock: details");
        await page.getByRole("button", { name: "Next" }).click();
        await expect(page.getByRole("button", { name: "Unblock user" })).toBeVisible();
        await expectNoViolation(page, "unblock: recommendations");
        await page.getByRole("button", { name: "Unblock user" }).click();
        await expect(page.getByRole("button", { name: "Yes", exact: true })).toBeVisible();
        await expectNoViolation(page, "unblock: confirm");
        await answer(page, "Yes");
        await expect(row(page, ALICE)).toContainText("Takes effect");
        await expectNoViolation(page, "list with a pending unblock");

        await page.getByRole("button", { name: "Your account" }).click();
        await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
        await expectNoViolation(page, "account menu");
        await page.keyboard.press("Escape");

        await openUser(page, ALICE);
        await expectNoViolation(page, "one user");
        await page.goto(`/#/restrictedusers/${ALICE}/unblock`);
        await expect(page.getByRole("dialog")).toContainText("asked for it");
        await expectNoViolation(page, "unblock that is on its way");

        await openLink(page, "/#/restrictedusers/nobody@example.org");
        await expect(page.getByRole("heading", { name: "Not found" })).toBeVisible();
        await expectNoViolation(page, "unknown user");
      });

      test("axe finds nothing on the own account and at the second step", async ({ page, service }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await service.signUp(page);
        const elsewhere = await request.newContext({ baseURL: service.url });
        await elsewhere.post("/sign-in", { form: { address: OPERATOR, password: PASSWORD }, headers: { Origin: service.url } });
        await openLink(page, "/#/account");
        await expect(page.getByText("End all others")).toBeVisible();
        await expect(page.getByRole("heading", { name: "Your account" })).toBeVisible();
        for (const fold of await page.locator("details.fold summary").all()) await fold.click();
        await expectNoViolation(page, "account");
        await page.locator("#codes-password").fill(PASSWORD);
        await page.getByRole("button", { name: "Show the QR code" }).click();
        await expect(page.getByLabel("Code of the app")).toBeVisible();
        await expectNoViolation(page, "account: setting codes up");
        await page.getByLabel("Code of the app").fill(codeOf(await page.locator("#key").innerText()));
        await page.getByRole("button", { name: "Turn on" }).click();
        await expect(page.locator("#fresh-codes")).toBeVisible();
        await expectNoViolation(page, "account: recovery codes");

        await page.context().clearCookies();
        await page.reload();
        await enterPassword(page, PASSWORD);
        await expect(page.getByLabel("Code of your authenticator app")).toBeVisible();
        await page.getByText("Use a recovery code").click();
        await expectNoViolation(page, "second step");
      });
    });
  }
}

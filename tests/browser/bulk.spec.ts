// Several users selected in the list and unblocked at once, in the three steps of one.

import type { Page } from "@playwright/test";
import { expectNoViolation } from "./accessibility";
import { expect, row, test } from "./service";

const ALICE = "alice@example.org";
const BOB = "bob@example.org";
const CAROL = "carol@example.org";

test.use({ propagationDelay: "30m" });

test.beforeEach(async ({ page, service }) => {
  await service.import([ALICE, BOB, CAROL].map((address) => ({ SenderAddress: address, Reason: "reported by phone" })));
  await service.signUp(page);
  await expect(row(page, CAROL)).toBeVisible();
});

test("those who are selected are unblocked together, and the others stay", async ({ page }, testInfo) => {
  await expect(unblock(page)).toHaveCount(0);
  await select(page, ALICE).check();
  await select(page, BOB).check();
  await expect(page.getByText("Selected: 2")).toBeVisible();
  await page.screenshot({ path: testInfo.outputPath("selected.png") });
  await unblock(page).click();

  const flyOut = page.getByRole("dialog", { name: "Unblock 2 users" });
  await expect(flyOut.getByRole("heading", { name: "Details" })).toBeFocused();
  await expect(flyOut).toContainText(ALICE);
  await expect(flyOut).toContainText(BOB);
  await expect(flyOut).not.toContainText(CAROL);
  await page.screenshot({ path: testInfo.outputPath("details.png") });
  await flyOut.getByRole("button", { name: "Next" }).click();
  await flyOut.getByRole("checkbox", { name: /^Change the password/ }).check();
  await flyOut.getByRole("button", { name: "Unblock 2 users" }).click();
  await expect(flyOut.getByRole("heading", { name: "Unblock 2 users?" })).toBeFocused();
  await page.screenshot({ path: testInfo.outputPath("confirm.png") });
  await flyOut.getByRole("button", { name: "Yes", exact: true }).click();

  await expect(row(page, ALICE)).toContainText("Takes effect");
  await expect(row(page, BOB)).toContainText("Takes effect");
  await expect(row(page, CAROL)).toContainText("Restricted");
  await expect(page.getByRole("status")).toHaveText("The unblocks of 2 users are on their way.");
  await expect(unblock(page)).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await expect(select(page, ALICE)).toHaveCount(0);
});

test("one box selects all, the others follow it, and Escape gives the focus back", async ({ page }) => {
  const all = page.getByRole("checkbox", { name: "Select all that are shown" });
  await all.check();
  await expect(page.getByText("Selected: 3")).toBeVisible();
  await select(page, BOB).uncheck();
  await expect(page.getByText("Selected: 2")).toBeVisible();
  await expect(all).toBeChecked({ indeterminate: true });
  await unblock(page).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(unblock(page)).toBeFocused();
  await all.check();
  await all.uncheck();
  await expect(unblock(page)).toHaveCount(0);
});

test("a row that changes elsewhere stays selected as long as it can be", async ({ page, service }) => {
  await select(page, ALICE).check();
  await select(page, BOB).check();
  await service.unblock(ALICE);
  await expect(row(page, ALICE)).toContainText("Takes effect");
  await expect(page.getByText("Selected: 1")).toBeVisible();
  await page.getByRole("searchbox").fill("b");
  await expect(row(page, CAROL)).toHaveCount(0);
  await expect(select(page, BOB)).toBeChecked();
  await page.getByRole("searchbox").fill("c");
  await expect(row(page, BOB)).toHaveCount(0);
  await expect(unblock(page)).toHaveCount(0);
});

test.describe("with a short delay", () => {
  test.use({ propagationDelay: "1s" });

  test("who could not be unblocked is listed with the reason", async ({ page, service }) => {
    await select(page, ALICE).check();
    await select(page, BOB).check();
    await unblock(page).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("button", { name: "Unblock 2 users" }).click();
    await service.unblock(BOB);
    await expect.poll(async () => (await (await page.request.get(`/api/v1/restricted-users/${BOB}`)).json()).state).toBe("released");
    await page.getByRole("button", { name: "Yes", exact: true }).click();

    const refused = page.getByRole("dialog", { name: "1 of 2 users could not be unblocked" });
    await expect(refused.getByRole("heading", { name: /could not be unblocked/ })).toBeFocused();
    await expect(refused.getByRole("listitem")).toContainText(BOB);
    await expect(refused.getByRole("listitem")).toContainText("has ended");
    await expect(refused).toContainText("The unblock of 1 user is on its way.");
    await refused.getByRole("button", { name: "Close" }).last().click();
    await expect(row(page, ALICE)).toContainText("Released");
    await expect(row(page, BOB)).toContainText("Released");
    await expect(row(page, CAROL)).toContainText("Restricted");
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const [device, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } })) {
    test.describe(`${colorScheme}, on a ${device}`, () => {
      test.use({ viewport });

      test("axe finds nothing in a selection and its steps", async ({ page }, testInfo) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.getByRole("checkbox", { name: "Select all that are shown" }).check();
        await expect(unblock(page)).toBeVisible();
        await expectNoViolation(page, "selection");
        await page.screenshot({ path: testInfo.outputPath("selection.png") });
        await unblock(page).click();
        await expect(page.getByRole("button", { name: "Next" })).toBeVisible();
        await expectNoViolation(page, "details");
        await page.screenshot({ path: testInfo.outputPath("details.png") });
      });
    });
  }
}

function select(page: Page, address: string) {
  return page.getByRole("checkbox", { name: `Select ${address}` });
}

function unblock(page: Page) {
  return page.getByRole("button", { name: "Unblock…" });
}

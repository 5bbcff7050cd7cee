import type { Page } from "@playwright/test";
import { expectNoViolation } from "./accessibility";
import { answer, expect, openLink, row, setPassword, test } from "./service";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const RITA = "rita@example.org";

test("saving a policy shows the difference first, and No goes back to what was typed", async ({ page, service }) => {
  await service.signUp(page);
  await page.getByRole("link", { name: "Outbound spam" }).click();
  await expect(row(page, "Default")).toContainText("500 outside an hour");
  await create(page, "Newsletter", "news@example.org");
  await expect(row(page, "Newsletter")).toContainText("news@example.org");
  await expect(page.getByRole("status")).toHaveText("Newsletter is created.");
  await expect(page.getByRole("link", { name: "Create a policy" })).toBeFocused();

  await page.getByRole("link", { name: "Edit Default" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Outside, in an hour").fill("2000");
  await showDifference(page);
  await expect(dialog).toHaveAccessibleName("Change Default?");
  await expect(dialog.getByRole("definition")).toHaveText("was: 500 (service default) → becomes: 2,000");
  await answer(page, "No");
  await expect(dialog.getByLabel("Outside, in an hour")).toHaveValue("2000");
  await dialog.getByLabel("Inside, in an hour").fill("3000");
  await showDifference(page);
  await expect(dialog.getByRole("definition")).toHaveCount(2);
  await answer(page, "Yes");
  await expect(row(page, "Default")).toContainText("2,000 outside an hour");
  await expect(row(page, "Default")).toContainText("3,000 inside an hour");
});

test("policies are moved and deleted with the keyboard alone", async ({ page, service }) => {
  await service.signUp(page);
  await page.goto("/#/outboundspam");
  for (const name of ["One", "Two"]) await create(page, name, `${name}@example.org`);
  await expect(page.getByRole("rowheader")).toHaveText([/^1\. One/, /^2\. Two/, /^Default/]);

  await page.getByRole("button", { name: "Move Two up" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("rowheader")).toHaveText([/^1\. Two/, /^2\. One/, /^Default/]);
  await expect(page.getByRole("status")).toHaveText("Two is number 1 of 2 now.");
  await expect(page.getByRole("button", { name: "Move Two up" })).toBeFocused();

  await page.getByRole("link", { name: "Delete Two" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Delete policy" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("rowheader")).toHaveText([/^1\. One/, /^Default/]);
  await expect(page.getByRole("link", { name: "Delete Default" })).toHaveCount(0);
});

test("the default policy can only watch, and the page says since when", async ({ page, service }) => {
  await service.signUp(page);
  await page.goto("/#/outboundspam/default");
  await page.getByRole("link", { name: "Put in shadow" }).click();
  await answer(page, "No");
  await expect(page.getByText("shadow", { exact: true })).toHaveCount(0);
  await page.getByRole("link", { name: "Put in shadow" }).click();
  await answer(page, "Yes");
  await expect(page.getByText("shadow", { exact: true })).toBeVisible();
  await expect(page.getByText("It has only watched since")).toContainText("just now");

  await page.getByRole("link", { name: "Outbound spam" }).first().click();
  const notice = page.getByRole("region", { name: "The default policy only watches" });
  await expect(notice).toContainText("nobody crossed a line");
  await notice.getByRole("link", { name: "Let it act" }).click();
  await expect(page.getByRole("dialog")).toContainText("It no longer only watches");
  await answer(page, "Yes");
  await expect(notice).toHaveCount(0);
});

test("who may only look changes nothing", async ({ browser, page, service }) => {
  await service.signUp(page);
  const ritas = await browser.newPage();
  await openLink(ritas, await service.cli("operator", "add", RITA, "--role", "security-reader"));
  await setPassword(ritas);
  await ritas.getByRole("link", { name: "Outbound spam" }).click();
  await ritas.getByRole("link", { name: "Default" }).click();
  await expect(ritas.getByRole("heading", { name: "Nobody crossed a line." })).toBeVisible();
  await expect(ritas.getByRole("link", { name: "Edit" })).toHaveCount(0);
  await ritas.close();
});

test.describe("what cannot be saved", () => {
  test.use({ provokes: [409, 422] });

  test("is told in the form, at its field", async ({ page, service }) => {
    await service.signUp(page);
    await page.goto("/#/outboundspam/new");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("default");
    await dialog.getByLabel("Senders", { exact: true }).fill("news@example.org\nalice");
    await dialog.getByRole("button", { name: "Show the difference" }).click();
    await expect(dialog.getByRole("alert")).toHaveText('Senders: "alice" is no mail address: it has no @ with a domain after it.');
    await expect(dialog.getByLabel("Senders", { exact: true })).toBeFocused();
    await dialog.getByLabel("Senders", { exact: true }).fill("news@example.org");
    await dialog.getByRole("button", { name: "Show the difference" }).click();
    await expect(dialog.getByRole("alert")).toHaveText("There is a policy of this name already. Take another name.");
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    test.describe(`${colorScheme}, on a ${device}`, () => {
      test.use({ viewport });

      test("axe finds nothing on the pages of outbound spam", async ({ page, service }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await service.signUp(page);
        await page.goto("/#/outboundspam");
        await create(page, "Newsletter of the department with the long name", "a.rather.long.name.of.somebody@department.example.org");
        await create(page, "Scanners", "scanner@example.org");
        await openLink(page, "/#/outboundspam/default/shadow");
        await expectNoViolation(page, "shadow on");
        await photograph(page, "shadow");
        await answer(page, "Yes");
        await expect(page.getByText("The default policy only watches")).toBeVisible();
        await expectNoViolation(page, "policies");
        await photograph(page, "policies");

        await page.getByRole("link", { name: "Edit Scanners" }).click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await expectNoViolation(page, "form");
        await photograph(page, "form");
        await page.getByLabel("In 24 hours", { exact: true }).fill("10000");
        await page.getByLabel("Senders", { exact: true }).fill("printer@example.org");
        await showDifference(page);
        await expectNoViolation(page, "difference");
        await photograph(page, "difference");
        await answer(page, "Yes");

        await page.getByRole("link", { name: "Delete Scanners" }).click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await expectNoViolation(page, "delete");
        await page.getByRole("button", { name: "Keep" }).click();
        await page.getByRole("link", { name: "Scanners", exact: true }).click();
        await expect(page.getByRole("heading", { level: 1, name: "Scanners" })).toBeVisible();
        await expectNoViolation(page, "policy");
        await photograph(page, "policy");
      });
    });
  }
}

async function create(page: Page, name: string, sender: string): Promise<void> {
  await page.getByRole("link", { name: "Create a policy" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Senders", { exact: true }).fill(sender);
  await showDifference(page);
  await expect(dialog).toHaveAccessibleName(`Create ${name}?`);
  await answer(page, "Yes");
  await expect(row(page, name)).toBeVisible();
}

/** Sends the form; the difference is shown in its place. */
async function showDifference(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Show the difference" }).click();
  await expect(page.getByRole("button", { name: "Yes", exact: true })).toBeVisible();
}

async function photograph(page: Page, name: string): Promise<void> {
  if (process.env.PHOTOGRAPH) await page.screenshot({ path: test.info().outputPath(`${name}.png`) });
}

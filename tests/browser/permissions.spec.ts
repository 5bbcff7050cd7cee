import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { ALICE, BLOCKED_SENDERS, enterPassword, expect, openLink, OPERATOR, PASSWORD, row, setPassword, test, unblockOf } from "./service";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const RITA = "rita@example.org";

test.use({ propagationDelay: "30m" });

test("an operator is added with a link that is shown once, changes role and is removed", async ({ browser, page, service }) => {
  await service.signUp(page);
  await page.getByRole("link", { name: "Permissions" }).click();
  await expect(row(page, OPERATOR)).toContainText("you");
  await expect(row(page, OPERATOR)).toContainText("just now");

  await page.getByRole("link", { name: "Add an operator" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Address").fill(RITA);
  await dialog.getByLabel("Role group").selectOption("Security Reader");
  await dialog.getByRole("button", { name: "Add operator" }).click();
  await expect(dialog).toHaveAccessibleName(`${RITA} is added`);
  const link = await dialog.locator("#one-time-link").innerText();
  await page.keyboard.press("Escape");
  await expect(row(page, RITA)).toContainText("Never");
  await expect(page.getByRole("link", { name: "Add an operator" })).toBeFocused();
  await expect(page.getByText(link)).toHaveCount(0);

  const ritas = await browser.newPage();
  await openLink(ritas, link);
  await setPassword(ritas);
  await expect(ritas.getByRole("link", { name: "Audit log" })).toBeVisible();
  await expect(ritas.getByRole("link", { name: "Permissions" })).toHaveCount(0);

  await row(page, RITA).getByRole("link", { name: "Change the role group" }).click();
  await dialog.getByLabel("Role group").selectOption("Security Administrator");
  await dialog.getByRole("button", { name: "Change role group" }).click();
  await expect(row(page, RITA)).toContainText("Security Administrator");
  await ritas.reload();
  await expect(ritas.getByRole("button", { name: "Sign in" })).toBeVisible();
  await ritas.close();

  await row(page, RITA).getByRole("link", { name: "Remove" }).click();
  await dialog.getByRole("button", { name: "Remove operator" }).click();
  await expect(row(page, RITA)).toHaveCount(0);
});

test.describe("sessions", () => {
  test.use({ provokes: [401] });

  test("of an operator are ended, here the own ones, and the password signs in again", async ({ browser, page, service }) => {
    await service.signUp(page);
    const elsewhere = await browser.newPage();
    await elsewhere.goto(service.url);
    await enterPassword(elsewhere, PASSWORD);
    await expect(elsewhere.getByRole("link", { name: "Permissions" })).toBeVisible();

    await page.getByRole("link", { name: "Permissions" }).click();
    await row(page, OPERATOR).getByRole("link", { name: "End sessions" }).click();
    await expect(page.getByRole("dialog")).toContainText("This is you.");
    await page.getByRole("button", { name: "End sessions" }).click();
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible(); // the page goes there by itself
    await elsewhere.reload();
    await expect(elsewhere.getByRole("button", { name: "Sign in" })).toBeVisible();
    await enterPassword(page, PASSWORD);
    await expect(page.getByRole("link", { name: "Permissions" })).toBeVisible();
    await elsewhere.close();
  });
});

test.describe("the last operator in charge", () => {
  test.use({ provokes: [409] });

  test("is told why it stays", async ({ page, service }) => {
    await service.signUp(page);
    await page.goto(`/#/permissions/operators/${encodeURIComponent(OPERATOR)}/remove`);
    await page.getByRole("button", { name: "Remove operator" }).click();
    await expect(page.getByRole("dialog").getByRole("alert")).toContainText("This is the last operator in Organization Management.");
    await expect(page.getByRole("dialog")).toBeVisible();
  });
});

test("a token is created and revoked with the keyboard alone", async ({ page, service }) => {
  await service.signUp(page);
  await page.goto("/#/permissions");
  await expect(page.getByText("There is no token.")).toBeVisible();
  await page.getByRole("link", { name: "Create a token" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("textbox", { name: "Name" })).toBeFocused();
  await page.keyboard.type("mail server 1");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "mail server 1 is created" });
  const secret = await dialog.locator("#token-secret").innerText();
  const asked = await page.request.get("/api/v1/decision?sender=a&recipient=b", { headers: { Authorization: `Bearer ${secret}` } });
  expect(asked.status()).toBe(200);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("link", { name: "Create a token" })).toBeFocused();

  await page.getByRole("link", { name: "Revoke mail server 1" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Revoke token" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByText("There is no token.")).toBeVisible();
});

test("the audit log narrows as one types, tells before and after, and is had as a file", async ({ page, service }) => {
  await service.cli("import", BLOCKED_SENDERS);
  await service.signUp(page);
  await service.cli("operator", "add", RITA, "--role", "global-reader");
  await page.goto("/#/auditlog");
  await expect(row(page, RITA)).toContainText("Operator added");
  await expect(row(page, RITA)).toContainText("on the server");

  await page.getByLabel("To whom").fill("rit");
  await expect(row(page, OPERATOR)).toHaveCount(0);
  await row(page, RITA).getByText("Before and after").click();
  await expect(row(page, RITA)).toContainText("global_reader");

  await page.getByText("Export", { exact: true }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV" }).click();
  expect((await download).suggestedFilename()).toBe("audit-log.csv");
  expect((await download).url()).toContain("address=rit");

  await page.getByLabel("Who", { exact: true }).fill("nobody");
  await expect(page.getByRole("heading", { name: "No record matches." })).toBeVisible();
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await expect(row(page, OPERATOR).first()).toBeVisible();
});

test.describe("the unblock limit", () => {
  test.use({ propagationDelay: "0s", settings: { RESTRICTED_USERS_UNBLOCK_LIMIT: "1" }, provokes: [409] });

  test("is told at the first step, and again where somebody goes on", async ({ browser, page, service }) => {
    await service.signUp(page);
    await service.import([{ SenderAddress: ALICE, Reason: "reported by phone", CreatedDatetime: "2026-11-01T10:00:00Z" }]);
    await page.reload();
    await unblock(page);
    await expect(row(page, ALICE)).toContainText("Released");
    await service.import([{ SenderAddress: ALICE, Reason: "reported again", CreatedDatetime: "2026-11-02T10:00:00Z" }]);

    const admins = await browser.newPage();
    await admins.goto(await service.cli("operator", "add", RITA, "--role", "security-administrator"));
    await setPassword(admins);
    await unblockOf(admins, ALICE).click();
    await expect(admins.getByRole("dialog")).toContainText("was unblocked once in the last 30 days. Once more takes somebody in Organization Management");
    await admins.screenshot({ path: test.info().outputPath("limit.png") });
    await admins.getByRole("button", { name: "Next" }).click();
    await admins.getByRole("button", { name: "Unblock user" }).click();
    await admins.getByRole("button", { name: "Yes", exact: true }).click();
    await expect(admins.getByRole("dialog").getByRole("alert")).toContainText("ask somebody in Organization Management");
    await admins.screenshot({ path: test.info().outputPath("limit-refused.png") });
    await admins.close();

    await page.reload();
    await unblock(page);
    await expect(row(page, ALICE)).toContainText("Released");
  });

  async function unblock(page: Page): Promise<void> {
    await unblockOf(page, ALICE).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("button", { name: "Unblock user" }).click();
    await page.getByRole("button", { name: "Yes", exact: true }).click();
  }
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    test.describe(`${colorScheme}, on a ${device}`, () => {
      test.use({ viewport });

      test("axe finds nothing on the pages of administration", async ({ page, service }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await service.signUp(page);
        await page.goto("/#/permissions");
        await expect(page.getByText("There is no token.")).toBeVisible();
        await service.cli("import", BLOCKED_SENDERS);
        await service.cli("operator", "add", RITA, "--role", "view-only-organization-management");
        await service.cli("operator", "add", "a.rather.long.name.of.somebody@department.example.org", "--role", "security-administrator");
        await service.cli("token", "create", "--name", "mail server 1", "--role", "mail-server");
        await service.cli("token", "create", "--name", "nightly", "--role", "view-only-organization-management", "--expires", "90d");
        await page.reload();
        await expect(row(page, RITA)).toBeVisible();
        await expectNoViolation(page, "permissions");

        for (const [name, path] of [
          ["add an operator", "operators/add"],
          ["change role", `operators/${encodeURIComponent(RITA)}/role`],
          ["remove", `operators/${encodeURIComponent(RITA)}/remove`],
          ["end sessions", `operators/${encodeURIComponent(RITA)}/sessions`],
          ["create a token", "tokens/create"],
          ["revoke", "tokens/nightly/revoke"],
          ["new link", `operators/${encodeURIComponent(RITA)}/link`],
        ] as const) {
          await openLink(page, `/#/permissions/${path}`);
          await expect(page.getByRole("dialog")).toBeVisible();
          await expectNoViolation(page, name);
        }
        await page.getByRole("button", { name: "Make a link" }).click();
        await expect(page.getByRole("button", { name: "Copy the link" })).toBeVisible();
        await expectNoViolation(page, "link");

        await openLink(page, "/#/permissions/tokens/create");
        await page.getByRole("textbox", { name: "Name" }).fill("mail server 2");
        await page.getByRole("button", { name: "Create token" }).click();
        await expect(page.getByRole("button", { name: "Copy the token" })).toBeVisible();
        await expectNoViolation(page, "token");

        await openLink(page, "/#/auditlog");
        await page.getByText("Before and after").first().click();
        await expectNoViolation(page, "audit log");
        await page.getByLabel("Who", { exact: true }).fill("nobody");
        await expect(page.getByRole("heading", { name: "No record matches." })).toBeVisible();
        await expectNoViolation(page, "audit log, nothing found");
      });
    });
  }
}

async function expectNoViolation(page: Page, name: string): Promise<void> {
  await test.step(name, async () => {
    if (process.env.PHOTOGRAPH) await page.screenshot({ path: test.info().outputPath(`${name}.png`), fullPage: true });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target}: ${failureSummary}`));
    expect(found, name).toEqual([]);

    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overflow, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
  });
}

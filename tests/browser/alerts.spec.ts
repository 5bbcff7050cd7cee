import type { Page } from "@playwright/test";
import { expectNoViolation } from "./accessibility";
import { answer, askToUnblock, expect, expectList, openLink, OPERATOR, row, setPassword, test } from "./service";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const ALICE = "alice@example.org";
const RESTRICTED = "User restricted from sending email";
const RITA = "rita@example.org";

/** Mail goes to a port where nobody listens. */
const MAIL = {
  RESTRICTED_USERS_SMTP_URL: "smtp://127.0.0.1:9",
  RESTRICTED_USERS_ALERT_FROM: "alerts@example.org",
  RESTRICTED_USERS_ALERT_RECIPIENTS: "security@example.org",
};

test.describe("an alert", () => {
  test.use({ propagationDelay: "1s" });

  test("is raised by a restriction, taken, commented, and resolved by itself when the user is released", async ({ page, service }) => {
    await service.signUp(page);
    await expect(bell(page)).toHaveAccessibleName("No new alerts");
    await restrict(page, ALICE);
    await expect(bell(page)).toHaveAccessibleName("1 new alert");
    await expect(inNavigation(page, "Alerts")).toHaveText("Alerts1 new");

    await bell(page).click();
    await expect(page).toHaveTitle("Alerts · Restricted Users");
    await expect(row(page, ALICE)).toContainText("sent spam");
    await expect(row(page, ALICE)).toContainText("High");
    await page.getByRole("link", { name: RESTRICTED }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByRole("heading", { name: "New: nobody works on it yet" })).toBeFocused();
    await dialog.getByLabel("Comment").fill("Called her");
    await dialog.getByRole("button", { name: "Take it" }).click();
    await expect(dialog.getByRole("heading", { name: "In progress: you work on it" })).toBeFocused();
    await expect(dialog.getByRole("listitem").filter({ hasText: "Called her" })).toContainText(OPERATOR);
    await expect(page.getByRole("status")).toHaveText("The alert is yours.");
    await expect(bell(page)).toHaveAccessibleName("No new alerts");
    await dialog.getByRole("button", { name: "Close" }).first().click();
    await expect(row(page, ALICE)).toContainText(`In progress${OPERATOR}`);

    await page.getByRole("link", { name: "Restricted users" }).first().click();
    await expectList(page);
    await askToUnblock(page, ALICE);
    await answer(page, "Yes");
    await expect(row(page, ALICE)).toContainText("Released");
    await inNavigation(page, "Alerts").click();
    await expect(page.getByText("All is calm: every alert is resolved.")).toBeVisible();
    await page.getByRole("link", { name: RESTRICTED }).click();
    await expect(dialog.getByRole("listitem").filter({ hasText: "Resolved by itself" })).toContainText("the user was released");

    await dialog.getByRole("button", { name: "Reopen" }).click();
    await expect(dialog.getByRole("heading", { name: "New: nobody works on it yet" })).toBeVisible();
    await dialog.getByRole("button", { name: "Resolve" }).click();
    await expect(dialog).toHaveCount(0);
    await expect(page.getByRole("link", { name: RESTRICTED })).toBeFocused();
    await expect(row(page, ALICE)).toContainText("Resolved");
  });
});

test("the badge is right on every page, also when somebody else works on alerts", async ({ browser, page, service }) => {
  await service.signUp(page);
  await restrict(page, ALICE);
  const ritas = await browser.newPage();
  await openLink(ritas, await service.cli("operator", "add", RITA, "--role", "security-administrator"));
  await setPassword(ritas);
  await expect(bell(ritas)).toHaveAccessibleName("1 new alert");
  await bell(ritas).click();
  await ritas.getByRole("link", { name: RESTRICTED }).click();
  await ritas.getByRole("button", { name: "Take it" }).click();
  await expect(ritas.getByRole("heading", { name: "In progress: you work on it" })).toBeVisible();
  await ritas.close();

  await inNavigation(page, "Message trace").click();
  await expect(bell(page)).toHaveAccessibleName("No new alerts");
  await inNavigation(page, "Alerts").click();
  await page.getByRole("link", { name: RESTRICTED }).click();
  await expect(page.getByRole("heading", { name: `In progress: ${RITA} works on it` })).toBeVisible();
  await page.getByRole("button", { name: "Take it over" }).click();
  await expect(page.getByRole("heading", { name: "In progress: you work on it" })).toBeVisible();
});

test("the badge counts on any page what is restricted elsewhere", async ({ page, service }) => {
  await service.signUp(page);
  await inNavigation(page, "Audit log").click();
  await expect(page).toHaveTitle("Audit log · Restricted Users");
  for (let number = 0; number < 5; number += 1) await service.tellSpam(ALICE, `4gVd${number}`);
  await expect(bell(page)).toHaveAccessibleName(/new alerts?$/);
  await expect(bell(page)).not.toHaveAccessibleName("No new alerts");
});

test("the address of the list holds its filter", async ({ page, service }) => {
  await service.signUp(page);
  for (const address of [ALICE, "bob@example.org"]) await restrict(page, address);
  await inNavigation(page, "Alerts").click();
  await page.getByRole("radio", { name: "In progress" }).check();
  await expect(page.getByRole("heading", { name: "No alert matches." })).toBeVisible();
  await expect(page).toHaveURL(/#\/alerts\?status=in_progress$/);
  await page.getByRole("link", { name: "Clear the filters" }).click();
  await expect(page.getByRole("rowheader")).toHaveCount(2);
  await page.getByRole("combobox", { name: "Policy" }).selectOption({ label: RESTRICTED });
  await expect(page).toHaveURL(/#\/alerts\?policy=user-restricted$/);
  await expect(page.getByRole("rowheader")).toHaveCount(2);
  await page.reload();
  await expect(page.getByRole("rowheader")).toHaveCount(2);
  await expect(page.getByRole("combobox", { name: "Policy" })).toHaveValue("user-restricted");
  await expect(page.getByText("Alerts stand in this portal alone")).toBeVisible();
});

test("an alert is worked on with the keyboard alone", async ({ page, service }) => {
  await service.signUp(page);
  await restrict(page, ALICE);
  await page.goto("/#/alerts");
  await page.getByRole("link", { name: RESTRICTED }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  await dialog.getByLabel("Comment").focus();
  await page.keyboard.type("Looked at it");
  await page.keyboard.press("Enter");
  await expect(dialog.getByLabel("Comment")).toHaveValue("Looked at it\n");
  for (const name of ["Close", "Add comment", "Take it"]) {
    await page.keyboard.press("Tab");
    await expect(dialog.getByRole("button", { name }).last()).toBeFocused();
  }
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("heading", { name: "In progress: you work on it" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("link", { name: RESTRICTED })).toBeFocused();
  await expect(row(page, ALICE)).toContainText("In progress");
});

test("a policy that is switched off raises no alert", async ({ page, service }) => {
  await service.signUp(page);
  await page.goto("/#/alertpolicies");
  await page.getByRole("link", { name: `Edit ${RESTRICTED}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("checkbox", { name: /^On/ }).uncheck();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(row(page, RESTRICTED)).toContainText("off");
  await expect(page.getByRole("status")).toContainText("It is off and raises no alert");
  await page.goto("/#/restrictedusers");
  await restrict(page, ALICE);
  await expect(bell(page)).toHaveAccessibleName("No new alerts");
  await inNavigation(page, "Alerts").click();
  await expect(page.getByRole("heading", { name: "All is calm." })).toBeVisible();
});

test.describe("with a mail server that is down", () => {
  test.use({ settings: MAIL, provokes: [422] });

  test("a test alert says where it goes, and how its delivery stands", async ({ page, service }) => {
    await service.signUp(page);
    await inNavigation(page, "Alert policies").click();
    await expect(row(page, RESTRICTED)).toContainText("security@example.orgBy default: alert_recipients");
    await page.getByRole("link", { name: `Send a test alert of ${RESTRICTED}` }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("security@example.org");
    await dialog.getByRole("button", { name: "Send" }).click();
    await expect(dialog).toContainText("It goes to 1 place");
    await expect(dialog.getByRole("listitem")).toContainText(/Not yet delivered.*Next attempt in 0:/);
  });

  test("what a policy does not take is told in the form, at its field", async ({ page, service }) => {
    await service.signUp(page);
    await openLink(page, "/#/alertpolicies/sending-limit/edit");
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByText("With none, mails go to alert_recipients, now security@example.org.")).toBeVisible();
    await dialog.getByLabel("Recipients").fill("a@example.org\nalice");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog.getByRole("alert")).toHaveText('Recipients: "alice" is no mail address.');
    await expect(dialog.getByLabel("Recipients")).toBeFocused();
    await dialog.getByLabel("Recipients").fill("a@example.org");
    await dialog.getByLabel("Mails a day").fill("");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(row(page, "Email sending limit exceeded")).toContainText("a@example.org");
    await expect(row(page, "Email sending limit exceeded")).toContainText("No limit");
  });
});

test("who may only look sees alerts and policies, and no button", async ({ browser, page, service }) => {
  await service.signUp(page);
  await restrict(page, ALICE);
  const ritas = await browser.newPage();
  await openLink(ritas, await service.cli("operator", "add", RITA, "--role", "security-reader"));
  await setPassword(ritas);
  await inNavigation(ritas, "Alerts").click();
  await ritas.getByRole("link", { name: RESTRICTED }).click();
  const dialog = ritas.getByRole("dialog");
  await expect(dialog).toContainText(ALICE);
  await expect(dialog.getByRole("button")).toHaveText(["", "Close"]);
  await ritas.keyboard.press("Escape");
  await inNavigation(ritas, "Alert policies").click();
  await expect(ritas.getByRole("link", { name: "Edit" })).toHaveCount(0);
  await ritas.close();
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    test.describe(`${colorScheme}, on a ${device}`, () => {
      test.use({ viewport, settings: MAIL, propagationDelay: "0s" });

      test("axe finds nothing on the pages of alerts", async ({ page, service }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await service.signUp(page);
        await openLink(page, "/#/alerts");
        await expect(page.getByRole("heading", { name: "All is calm." })).toBeVisible();
        await expectNoViolation(page, "calm");
        await photograph(page, "calm");

        await openLink(page, "/#/restrictedusers");
        await restrict(page, ALICE);
        for (let number = 0; number < 5; number += 1) await service.tellSpam("a.rather.long.name.of.somebody@example.org", `4gVd${number}`);
        for (let number = 0; number < 3; number += 1) await service.tellSpam("dora@example.org", `5gVd${number}`);
        await openLink(page, "/#/restrictedusers");
        await restrict(page, "bob@example.org");
        await page.reload();
        await expectNoViolation(page, "restricted users");
        await page.getByText("restricted per day, 30 days").click();
        await expect(page.getByRole("row").nth(1)).toContainText("3");
        await expectNoViolation(page, "restricted per day");
        await photograph(page, "restricted-users");
        await openLink(page, `/#/restrictedusers/${ALICE}`);
        await expect(page.getByText("Open alerts")).toBeVisible();
        await openLink(page, "/#/alerts");
        await row(page, ALICE).getByRole("link", { name: RESTRICTED }).click();
        await page.getByLabel("Comment").fill("She was on the phone. The password is new, a rule that deleted mail is gone.");
        await page.getByRole("button", { name: "Take it" }).click();
        await expect(page.getByText("you work on it")).toBeVisible();
        await expect(page.getByText("Next attempt").first()).toBeVisible();
        await expectNoViolation(page, "alert");
        await photograph(page, "alert");
        await page.locator("dialog .deliveries").scrollIntoViewIfNeeded();
        await photograph(page, "alert-end");
        await page.keyboard.press("Escape");
        await row(page, "bob@example.org").getByRole("link", { name: RESTRICTED }).click();
        await page.getByRole("button", { name: "Resolve" }).click();
        await expect(row(page, "bob@example.org")).toContainText("Resolved");
        await expect(page).toHaveURL(/#\/alerts$/);
        await page.reload();
        await expect(row(page, ALICE)).toBeVisible();
        await expectNoViolation(page, "alerts");
        await photograph(page, "alerts");

        await openLink(page, "/#/alertpolicies");
        await expect(row(page, RESTRICTED)).toBeVisible();
        await expectNoViolation(page, "policies");
        await photograph(page, "policies");
        await page.getByRole("link", { name: `Edit ${RESTRICTED}` }).click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await expectNoViolation(page, "form");
        await photograph(page, "form");
        await page.keyboard.press("Escape");
        await page.getByRole("link", { name: `Send a test alert of ${RESTRICTED}` }).click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await expectNoViolation(page, "test alert");
        await page.getByRole("button", { name: "Send", exact: true }).click();
        await expect(page.getByText("Next attempt").first()).toBeVisible();
        await expectNoViolation(page, "test alert on its way");
        await photograph(page, "test-alert");
      });
    });
  }
}

function bell(page: Page) {
  return page.getByRole("banner").getByRole("link", { name: /alert/ });
}

function inNavigation(page: Page, name: string) {
  return page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: new RegExp(`^${name}`) });
}

/** Restricts somebody by hand, from the list. */
async function restrict(page: Page, address: string): Promise<void> {
  await page.getByRole("link", { name: "Restrict a user" }).click();
  await page.getByLabel("Address").fill(address);
  await page.getByLabel("Reason").fill("sent spam");
  await page.getByRole("button", { name: "Restrict user" }).click();
  await expect(row(page, address)).toBeVisible();
  // The form is closed before its address is left: a page that is loaded anew in between would open it again.
  await expect(page).toHaveURL(/#\/restrictedusers$/);
}

async function photograph(page: Page, name: string): Promise<void> {
  if (process.env.PHOTOGRAPH) await page.screenshot({ path: test.info().outputPath(`${name}.png`) });
}

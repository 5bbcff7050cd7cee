import type { Page } from "@playwright/test";
import { expectNoViolation } from "./accessibility";
import { ALICE, BOB, expect, openLink, openUser, test, unblockOf, type Service } from "./service";

const HOUR = 3_600_000;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

test.use({ propagationDelay: "30m", provokes: [422] });

/** Two days in the life of Alice's account, the last minutes of it in somebody else's hands. */
async function takenOver(service: Service): Promise<void> {
  const ago = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString();
  const recipients = Array.from({ length: 15 }, (_, index) => `customer-${index + 1}@remote.example`);
  const usual = [22, 20, 19, 8, 5, 4, 4, 4].map((hours, index) => ({
    sender: ALICE,
    recipients: index === 0 ? recipients : ["customer-1@remote.example", BOB],
    at: ago(hours),
    subject: "Minutes of the meeting",
    queue_id: `AAA${index}`,
    client_address: "192.0.2.7",
    verdict: "clean",
    score: 0.3,
  }));
  await service.tell(usual);
  for (let number = 0; number < 5; number += 1) await service.tellSpam(ALICE, `SPAM${number}`);
}

test("one user's page and the fly-out show what led there, and the trace the rest", async ({ page, service }) => {
  await takenOver(service);
  await service.signUp(page);
  await openUser(page, ALICE);
  const evidence = page.getByRole("region", { name: "What led here" });
  await expect(evidence).toContainText("5 of 13 messages were spam in 24 h");
  await expect(evidence).toContainText("2 client addresses");
  await expect(evidence.getByRole("img", { name: "Messages per hour" })).toBeVisible();
  await expect(evidence.getByRole("img", { name: "Recipients per hour" })).toBeVisible();
  await expect(evidence.getByRole("listitem").filter({ hasText: "You have won" })).toHaveCount(5);
  await evidence.getByText("Numbers by hour").click();
  await expect(evidence.getByRole("columnheader", { name: "Spam" })).toBeVisible();

  await page.goto("/#/restrictedusers");
  await unblockOf(page, ALICE).click();
  const flyOut = page.getByRole("dialog");
  await expect(flyOut.getByRole("img", { name: "Messages per hour" })).toBeVisible();
  await expect(flyOut).toContainText("URIBL_BLACK 7.5");
  await flyOut.getByRole("link", { name: "All messages of this account" }).click();

  await expect(page.getByRole("heading", { level: 1, name: "Message trace" })).toBeVisible();
  await expect(flyOut).toHaveCount(0);
  await expect(page.getByLabel("Sender")).toHaveValue(ALICE);
  await expect(rows(page)).toHaveCount(13);
  await expect(page.getByRole("navigation").getByRole("link", { name: "Message trace" })).toHaveAttribute("aria-current", "page");
});

test("a filter finds messages, stands in the address, and is cleared", async ({ page, service }) => {
  await takenOver(service);
  await service.signUp(page);
  await page.getByRole("link", { name: "Message trace" }).click();
  await expect(rows(page)).toHaveCount(13);

  await page.getByLabel("Verdict").selectOption("spam");
  await expect(rows(page)).toHaveCount(5);
  await expect(page).toHaveURL(/#\/messagetrace\?verdict=spam$/);
  await rows(page).first().getByText("Details").click();
  await expect(rows(page).first()).toContainText("SPAM4@mail.example.org");

  await page.getByLabel("Recipient").fill("CUSTOMER-9@remote.example");
  await page.getByLabel("Recipient").press("Enter");
  await expect(page.getByRole("heading", { name: "No message matches." })).toBeVisible();
  await page.getByLabel("Verdict").selectOption("");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText("and 12 more");

  await page.reload();
  await expect(page.getByLabel("Recipient")).toHaveValue("CUSTOMER-9@remote.example");
  await expect(rows(page)).toHaveCount(1);

  await openLink(page, "/#/messagetrace?sender=nobody");
  await page.getByRole("link", { name: "Clear the filters" }).click();
  await expect(rows(page)).toHaveCount(13);
  await expect(page.getByLabel("Sender")).toHaveValue("");
});

test("Load more goes on where the messages ended", async ({ page, service }) => {
  const message = { sender: ALICE, recipients: ["customer@remote.example"] };
  await service.tell(Array.from({ length: 70 }, (_, index) => ({ ...message, subject: `number ${index}` })));
  await service.signUp(page);
  await page.goto("/#/messagetrace");
  await expect(rows(page)).toHaveCount(50);
  await page.getByRole("button", { name: "Load more" }).click();
  await expect(rows(page)).toHaveCount(70);
  await expect(page.getByText("70 shown, that is all")).toBeVisible();
  await expect(rows(page).last()).toContainText("number 0");
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    test.describe(`${colorScheme}, on a ${device}`, () => {
      test.use({ viewport });

      test("axe finds nothing on the evidence and the message trace", async ({ page, service }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await takenOver(service);
        await service.signUp(page);
        await openUser(page, ALICE);
        await page.getByText("Numbers by hour").click();
        await expectNoViolation(page, "one user, with evidence");
        await page.goto("/#/restrictedusers");
        await unblockOf(page, ALICE).click();
        await page.getByText("Numbers by hour").click();
        await expectNoViolation(page, "unblock: details, with evidence");
        await page.keyboard.press("Escape");

        await openLink(page, "/#/messagetrace");
        await rows(page).first().getByText("Details").click();
        await expectNoViolation(page, "message trace");
        await openLink(page, "/#/messagetrace?sender=nobody");
        await expect(page.getByText("No message matches.").last()).toBeVisible();
        await expectNoViolation(page, "message trace that finds nothing");
      });
    });
  }
}

function rows(page: Page) {
  return page.getByRole("row").filter({ has: page.getByRole("rowheader") });
}

import { ALICE, answer, askToUnblock, BLOCKED_SENDERS, DUNNO, enterPassword, expect, expectList, idOf, openLink, OPERATOR, PASSWORD, row, setPassword, test, unblockOf } from "./service";

const next = { name: "Next" };

test.describe("a link to an unblock that is settled", () => {
  test.use({ propagationDelay: "30m" });

  test("says who asked for the one that is on its way, and cancels it", async ({ page, service }) => {
    await service.cli("import", BLOCKED_SENDERS);
    await service.signUp(page);
    await askToUnblock(page, ALICE);
    await answer(page, "Yes");
    await expect(row(page, ALICE)).toContainText("Takes effect");
    const link = `/#/restrictedusers/${await idOf(page, ALICE)}/unblock`;

    await openLink(page, link);
    const dialog = page.getByRole("dialog", { name: `${ALICE} is being unblocked already` });
    await expect(dialog).toContainText(`${OPERATOR} asked for it`);
    await expect(dialog.getByRole("button", next)).toHaveCount(0);
    await dialog.getByRole("button", { name: "Cancel the unblock" }).click();
    await expect(unblockOf(page, ALICE)).toBeVisible();

    await openLink(page, link);
    await expect(page.getByRole("button", next)).toBeVisible();
  });
});

test.describe("without a delay", () => {
  test.use({ propagationDelay: "0s" });

  test("an unblock takes effect at once, its link says that it is over, and later leads to the new restriction", async ({ page, service }) => {
    await service.cli("import", BLOCKED_SENDERS);
    await service.signUp(page);
    await askToUnblock(page, ALICE);
    await expect(page.getByText("Mail to the outside will flow again at once.")).toBeVisible();
    await answer(page, "Yes");
    await expect(row(page, ALICE)).toContainText("Released");
    expect(await service.policyAnswer(ALICE, "customer@remote.example")).toBe(DUNNO);

    const link = `/#/restrictedusers/${await idOf(page, ALICE)}/unblock`;
    const dialog = page.getByRole("dialog", { name: `This restriction of ${ALICE} is over` });
    await openLink(page, link);
    await expect(dialog).toContainText("Mail from this account flows.");
    await expect(dialog.getByRole("button", next)).toHaveCount(0);
    await page.keyboard.press("Escape");

    await page.getByRole("link", { name: "Restrict a user" }).click();
    await page.getByLabel("Address").fill(ALICE);
    await page.getByLabel("Reason").fill("It goes on");
    await page.getByRole("button", { name: "Restrict user" }).click();
    await expect(unblockOf(page, ALICE)).toBeVisible();

    await openLink(page, link);
    await expect(dialog).toContainText("restricted anew");
    await dialog.getByRole("link", { name: "Unblock it now" }).click();
    await page.getByRole("button", next).click();
    await expect(page.getByRole("button", { name: "Unblock user" })).toBeVisible();
  });
});

test.describe("for somebody who only looks", () => {
  test.use({ provokes: [403] });

  test("a link to an unblock says whom to ask", async ({ page, service }) => {
    await service.cli("import", BLOCKED_SENDERS);
    await page.goto(await service.cli("operator", "add", "rita@example.org", "--role", "security-reader"));
    await setPassword(page);
    const link = `/#/restrictedusers/${await idOf(page, ALICE)}/unblock`;
    const whomToAsk = "Your role group may not restrict or unblock anybody. Ask somebody in Security Administrator or Organization Management.";

    await page.goto(link);
    await expect(page.getByRole("alert")).toHaveText(whomToAsk);
    await expect(page).toHaveURL(/#\/restrictedusers$/);
    await expect(row(page, ALICE)).toBeVisible();

    await openLink(page, link);
    await expect(page.getByRole("heading", { name: "Not allowed" })).toBeVisible();
    await expect(page.getByRole("main")).toContainText(whomToAsk);
    await expect(page.getByRole("button", { name: "Try again" })).toBeHidden();
    await page.getByRole("link", { name: "Go to the restricted users" }).click();
    await expectList(page);
  });
});

test("who is signed out in the middle signs in again, and goes on where it happened", async ({ page, service }) => {
  await service.cli("import", BLOCKED_SENDERS);
  await service.signUp(page);
  const place = `${service.url}/#/restrictedusers/${await idOf(page, ALICE)}/unblock`;
  await page.context().clearCookies();

  await unblockOf(page, ALICE).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await enterPassword(page, "a guess of somebody else");
  await expect(page.getByRole("alert").filter({ hasText: "do not go together" })).toBeVisible();
  await page.reload();
  await enterPassword(page, PASSWORD);

  await expect(page.getByRole("dialog", { name: `Unblock ${ALICE}` })).toBeVisible();
  await expect(page).toHaveURL(place);
});

test.describe("a one-time link", () => {
  test.use({ provokes: [404] });

  test("that is used up says what to do", async ({ page, service }) => {
    await service.signUp(page);
    await page.getByRole("button", { name: "Your account" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();

    await openLink(page, service.link);
    await expect(page.getByRole("heading", { name: "This link is used up" })).toBeVisible();
    await expect(page.getByRole("main")).toContainText("If you set your password with it, sign in.");
    await page.getByRole("link", { name: "Go to the sign-in" }).click();
    await service.signIn(page);
  });
});

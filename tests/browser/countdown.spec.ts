import { ALICE, answer, askToUnblock, BLOCKED_SENDERS, expect, idOf, row, test, unblockOf } from "./service";

const HELP = "https://help.example.org/compromised";

// Long enough for a busy machine to open two pages in it.
test.use({ propagationDelay: "10s", settings: { RESTRICTED_USERS_HELP_URL: HELP } });

test("a countdown ends in Released without a reload, in the list and on the user's page", async ({ page, context, service }) => {
  await service.cli("import", BLOCKED_SENDERS);
  await service.signUp(page);
  await askToUnblock(page, ALICE);
  await answer(page, "Yes");
  await expect(row(page, ALICE)).toContainText(/Takes effect in 0:\d\d/);

  const user = await context.newPage();
  await user.goto(`/#/restrictedusers/${await idOf(page, ALICE)}`);
  await expect(user.getByRole("main")).toContainText(/Takes effect in 0:\d\d/);
  for (const tab of [page, user]) await tab.evaluate(() => (document.body.dataset.since = "before"));

  await expect(row(page, ALICE)).toContainText("Released", { timeout: 20_000 });
  await expect(page.getByRole("main")).toContainText("1 released in 7 days");
  await expect(page.getByRole("link", { name: /^Restricted users 1\b/ })).toBeVisible();
  await expect(user.locator(".timeline li").last()).toContainText("Released", { timeout: 20_000 });
  for (const tab of [page, user]) await expect(tab.locator("body")).toHaveAttribute("data-since", "before");
});

test("the recommendations link to the organisation's own help", async ({ page, service }) => {
  await service.cli("import", BLOCKED_SENDERS);
  await service.signUp(page);
  await unblockOf(page, ALICE).click();
  await page.getByRole("button", { name: "Next" }).click();

  await expect(page.getByRole("link", { name: "How to do this at Example Org" })).toHaveAttribute("href", HELP);
});

import type { Locator, Page } from "@playwright/test";
import { ALICE, answer, askToUnblock, BLOCKED_SENDERS, BOB, expect, expectList, openUser, row, setPassword, test, unblockOf } from "./service";

// Long enough that no unblock takes effect while a test looks at it.
test.use({ propagationDelay: "30m" });

test.describe("with two restricted users", () => {
  test.beforeEach(async ({ page, service }) => {
    await service.cli("import", BLOCKED_SENDERS);
    await service.signUp(page);
    await expect(row(page, ALICE)).toBeVisible();
  });

  test("the list narrows as one types, by address or by domain", async ({ page, service }) => {
    await service.restrict("carol@branch.example", "reported by phone");
    const search = page.getByRole("searchbox", { name: "Search" });

    await search.pressSequentially("Bob");
    await expect(row(page, ALICE)).toHaveCount(0);
    await expect(row(page, BOB)).toBeVisible();
    await expect(search).toBeFocused();

    await search.fill("@branch");
    await expect(row(page, BOB)).toHaveCount(0);
    await expect(row(page, "carol@branch.example")).toBeVisible();

    await search.fill("nobody-like-this");
    await expect(page.getByRole("heading", { name: "Nobody matches." })).toBeVisible();
  });

  test("a column's heading sorts by it, and back", async ({ page }) => {
    const user = page.getByRole("columnheader", { name: "User" });
    const first = page.getByRole("row").nth(1);

    await user.getByRole("button").click();
    await expect(user).toHaveAttribute("aria-sort", "ascending");
    await expect(first).toContainText(ALICE);

    await user.getByRole("button").click();
    await expect(user).toHaveAttribute("aria-sort", "descending");
    await expect(first).toContainText(BOB);
  });

  test("Escape closes the fly-out, and the focus goes back to where it came from", async ({ page }) => {
    const unblock = unblockOf(page, ALICE);
    const flyOut = page.getByRole("dialog");
    await unblock.focus();

    await page.keyboard.press("Enter");
    await expect(flyOut).toBeVisible();
    await expectFocusIn(flyOut);

    await page.keyboard.press("Escape");
    await expect(flyOut).toBeHidden();
    await expect(unblock).toBeFocused();
  });

  test("a user is unblocked with the keyboard alone, and Enter in the comment confirms nothing", async ({ page }) => {
    const flyOut = page.getByRole("dialog");
    const comment = page.getByLabel("Comment");
    const yes = page.getByRole("button", { name: "Yes", exact: true });

    await unblockOf(page, ALICE).focus();
    await page.keyboard.press("Enter");
    await expect(flyOut).toBeVisible();

    await tabTo(page, page.getByRole("button", { name: "Next" }));
    await page.keyboard.press("Enter");
    await expect(comment).toBeVisible();
    await expectFocusIn(flyOut);

    await tabTo(page, comment);
    await page.keyboard.type("Called her, it was phishing");
    await page.keyboard.press("Enter");
    await expect(comment).toBeFocused();
    await expect(yes).toBeHidden();
    expect(await stateOf(page, ALICE)).toBe("restricted");

    await tabTo(page, page.getByRole("button", { name: "Unblock user" }));
    await page.keyboard.press("Enter");
    await expect(yes).toBeVisible();
    await expectFocusIn(flyOut);
    await expect(yes).not.toBeFocused();

    await tabTo(page, yes);
    await page.keyboard.press("Enter");
    await expect(row(page, ALICE)).toContainText("Takes effect");
    expect(await stateOf(page, ALICE)).toBe("unblocking");
  });

  test("No leaves the user restricted", async ({ page }) => {
    await askToUnblock(page, ALICE);
    await answer(page, "No");

    await expect(page.getByRole("button", { name: "Yes", exact: true })).toBeHidden();
    expect(await stateOf(page, ALICE)).toBe("restricted");
  });

  test("an unblock can be cancelled while it is pending", async ({ page }) => {
    await askToUnblock(page, ALICE);
    await answer(page, "Yes");
    await expect(row(page, ALICE)).toContainText("Takes effect");

    await row(page, ALICE).getByRole("button", { name: /^Cancel/ }).click();

    await expect(unblockOf(page, ALICE)).toBeVisible();
    await expect(row(page, ALICE)).not.toContainText("Takes effect");
    expect(await stateOf(page, ALICE)).toBe("restricted");
  });

  test("a Security Reader looks and has nothing to press", async ({ browser, page, service }) => {
    const link = await service.cli("operator", "add", "rita@example.org", "--role", "security-reader");
    const readers = await browser.newPage();
    await readers.goto(link);
    await setPassword(readers);

    await expect(actions(page)).toHaveCount(3); // two Unblock, and Restrict a user
    await expect(row(readers, ALICE)).toBeVisible();
    await expect(actions(readers)).toHaveCount(0);

    await openUser(page, ALICE);
    await expect(actions(page)).toHaveCount(1);
    await openUser(readers, ALICE);
    await expect(actions(readers)).toHaveCount(0);
    await readers.close();
  });
});

test("HTML in a reason is shown as text", async ({ page, service }) => {
  const reason = `<img src="x" onerror="document.title='taken over'"><b>bold</b>`;
  await service.restrict(ALICE, reason);
  await service.signUp(page);
  await expect(row(page, ALICE)).toBeVisible();

  await openUser(page, ALICE);

  await expect(page.getByRole("main")).toContainText(reason);
  await expect(page.locator("main :is(img[src=x], b)")).toHaveCount(0);
  await expect(page).not.toHaveTitle(/taken over/);
});

test("the address that Microsoft's page has leads to ours", async ({ page, service }) => {
  await service.signUp(page);

  const answer = await page.request.get("/?hash=/restrictedusers", { maxRedirects: 0 });
  expect(answer.status()).toBe(303);
  expect(answer.headers().location).toMatch(/\/#\/restrictedusers$/);

  await page.goto("/?hash=/restrictedusers");
  await expect(page).toHaveURL(`${service.url}/#/restrictedusers`);
  await expectList(page);
});

test("the page forbids every script but its own", async ({ page }) => {
  const policy = (await page.goto("/"))!.headers()["content-security-policy"];

  expect(policy).toMatch(/default-src '(none|self)'/);
  expect(policy).not.toContain("unsafe");
});

/** Whatever changes a restriction. */
function actions(page: Page): Locator {
  const named = { name: /^(unblock|cancel|restrict)\b/i };
  return page.getByRole("link", named).or(page.getByRole("button", named));
}

async function stateOf(page: Page, address: string): Promise<string> {
  return (await (await page.request.get(`/api/v1/restricted-users/${address}`)).json()).state;
}

async function expectFocusIn(place: Locator): Promise<void> {
  await expect.poll(() => place.evaluate((element) => element.contains(document.activeElement))).toBe(true);
}

/** Presses Tab until `target` has the focus; fails when a full round does not reach it. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  await expect(target).toBeFocused();
}
